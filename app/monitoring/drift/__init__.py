"""Drift: whether live rows and answers still look like those that a release was made and proven with."""
