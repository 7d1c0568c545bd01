"""Messages leave from here: each in a process of its own, which reaches public addresses and those that are named."""
