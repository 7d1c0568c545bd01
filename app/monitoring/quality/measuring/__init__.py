"""Predictions beside what turned out to be true: metrics with their intervals, and what they are worth in money."""
