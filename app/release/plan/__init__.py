"""The compiled plan of a predictor, written: files without pickle that runtime/plan executes without AutoGluon."""

PLAN_FILE = "plan.json"
# Goes up when a plan means something else than before: an older gluonserve must not execute it.
PLAN_FORMAT = 2
