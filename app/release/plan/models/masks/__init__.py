"""Boosted trees, of whichever library, as tables of leaf masks: written here, followed by runtime/plan/models/masks."""
