"""What a candidate has to do with a request: nothing, to answer it, or to see a copy of it."""
