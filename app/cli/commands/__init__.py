"""The commands of the command line, and when each of them is loaded."""
