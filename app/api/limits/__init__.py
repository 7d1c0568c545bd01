"""Limits of callers on the way in: refused with 429, and told in the headers of every answer that they apply to."""
