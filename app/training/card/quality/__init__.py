"""What the held-out rows showed, by problem type: plots and tables of right and wrong answers."""
