"""Looks after what waits at the listening sockets, beside the workers."""
