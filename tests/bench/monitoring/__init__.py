"""Campaigns that show what monitoring promises; each is a module of its own."""
