"""Quality before any outcome has come: what is to be expected when the probabilities can be taken at their word."""
