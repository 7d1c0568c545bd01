"""Scoring of whole tables: cut into parts, scored wherever there is a loaded release, put together in order."""
