"""The compiled plan of a predictor, written: files without pickle that runtime/plan executes without AutoGluon."""
