"""Boosted trees followed through tables of leaf masks, without the library that grew them."""
