"""The optimisation ladder: cheaper models made of one training, each measured, one of them chosen."""
