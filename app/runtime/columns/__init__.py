"""Many rows by their columns: what differs in a column is looked at once, however many rows there are."""
