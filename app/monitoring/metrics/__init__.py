"""What Prometheus reads: counted by each worker in files that all of them share, gathered by the one that is asked."""
