"""The validation gate: what is measured of a model, and what it must show before it may be published."""
