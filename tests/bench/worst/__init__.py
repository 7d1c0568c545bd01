"""The costliest bodies of a size that anybody has thought of, and what one costs."""
