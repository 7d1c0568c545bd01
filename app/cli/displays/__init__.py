"""What long work shows on stderr: a bar on a terminal, plain lines elsewhere."""
