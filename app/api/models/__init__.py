"""Routes about versions: which there are, which one is active, and how that is changed."""
