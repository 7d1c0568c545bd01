"""The compiled plan of a predictor, executed: no pandas, no AutoGluon, no pickle."""
