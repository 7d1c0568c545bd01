"""How good the model's answers are: compared with true outcomes when these come, and estimated before they do."""
