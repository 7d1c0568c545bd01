"""The Open Inference Protocol, version 2, for the active model as a whole: a named, typed tensor for each column."""
