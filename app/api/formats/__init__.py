"""Rows in and predictions out in whatever format a caller speaks: media types, and the way from body to answer."""
