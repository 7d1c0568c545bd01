"""One file per family of models: executes what release/plan/models wrote, with NumPy or the library's shared object."""
