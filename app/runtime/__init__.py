"""A loaded release: rows in, predictions out. Knows nothing of HTTP."""
