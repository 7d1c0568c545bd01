"""Sending requests when they are due, and noting what became of each. What it all means is not known here."""
