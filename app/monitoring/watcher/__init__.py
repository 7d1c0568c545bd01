"""The one process that reads what all others log, and turns it into snapshots, figures and alerts."""
