"""From the bytes of a request to a checked document, the same way for every route."""
