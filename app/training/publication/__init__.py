"""From a fitted predictor to a published release whose answers are proven."""
