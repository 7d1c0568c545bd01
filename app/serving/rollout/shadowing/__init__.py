"""The process that sees copies of requests: itself, and the worker that keeps it running."""
