"""The model card: one HTML page per release that needs nothing else, drawn without scripts."""
