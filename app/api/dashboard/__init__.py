"""The page for people: what the watcher found and what the store says, read only. From documents to a view to HTML."""
