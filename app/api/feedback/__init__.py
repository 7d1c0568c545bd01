"""The route that takes true outcomes."""
