"""Drift on real data: false alarms where nothing changed, and whether a change is found, in the right feature first."""
