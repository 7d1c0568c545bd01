"""The reference profile of a release: how often training data and answers had which values. Compares nothing."""
