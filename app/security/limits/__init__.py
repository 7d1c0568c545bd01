"""How much a caller may ask for: requests and rows per minute, and a share of the processors. No Flask in here."""
