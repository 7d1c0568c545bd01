"""From settings to services: the one place that knows which implementation stands behind which role."""
