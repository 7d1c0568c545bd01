"""The watcher's part in quality: its tables, its windows, and what it tells of them."""
