"""Routes about API keys: which there are, and how they are made, rotated and revoked."""
