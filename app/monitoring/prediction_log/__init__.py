"""What was asked and answered, one line of JSON for each request, in one file for each process: written, and read."""
