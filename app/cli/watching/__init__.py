"""Commands of those who watch an installation."""
