"""Commands that score whole tables."""
