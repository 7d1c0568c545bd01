"""`gluonserve loadtest`: what it takes, what is shown while it runs, and what it prints."""
