"""Releases that several machines share."""
