"""Answers in Redis, which all workers of all machines share, and which may be lost, slow or full of garbage."""
