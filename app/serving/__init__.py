"""Use cases in plain values: no HTTP, no command line."""
