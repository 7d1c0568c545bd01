"""Routes about tokens: how one is made with an API key, and how it is ended before its time."""
