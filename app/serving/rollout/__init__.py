"""How a version comes into service and leaves it: activated, tried as a candidate, promoted or withdrawn."""
