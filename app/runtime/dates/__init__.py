"""Dates as text: which are accepted, and which moment they name."""
