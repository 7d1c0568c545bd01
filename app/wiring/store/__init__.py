"""The model store of an installation, for whoever needs no more than that, as who scores a table does."""
