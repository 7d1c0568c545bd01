"""The connection to Redis that limits and caches share."""
