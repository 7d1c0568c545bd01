"""Declared rules judge what the watcher measured; people are told when one is broken, and when that is over."""
