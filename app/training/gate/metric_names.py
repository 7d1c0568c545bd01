"""The names of metrics: AutoGluon's own, the aliases people type, and which problem types each is for."""

from __future__ import annotations

from typing import Any

from autogluon.core.metrics import METRICS

from app.training.refusals import join_names, suggest_closest

PROBLEM_TYPES = ("binary", "multiclass", "regression", "quantile")

# AutoGluon knows acc, nll, rmse, mse, mae, mape, smape and pinball itself.
_MORE_ALIASES = {
    "auc": "roc_auc",
    "roc": "roc_auc",
    "rocauc": "roc_auc",
    "aucpr": "average_precision",
    "pr_auc": "average_precision",
    "prauc": "average_precision",
    "ap": "average_precision",
    "logloss": "log_loss",
    "cross_entropy": "log_loss",
    "matthews": "mcc",
    "r_squared": "r2",
    "bacc": "balanced_accuracy",
}


class UnknownMetric(ValueError):
    """No such metric, or none for this type of problem. The message says what to use in its place."""


def resolve_metric_name(name: str, problem_type: str | None) -> str:
    """AutoGluon's own name of a metric; `problem_type` None accepts the metrics of every type.

    Raises:
        UnknownMetric: with the closest name, or with the metrics of this problem type.
    """
    wanted = name.strip().lower().replace("-", "_").replace(" ", "_")
    wanted = _MORE_ALIASES.get(wanted, wanted)
    holders = [kind for kind in PROBLEM_TYPES if wanted in METRICS[kind]]
    if not holders:
        known = _known_names(problem_type)
        raise UnknownMetric(f"{name!r} is not a metric.{suggest_closest(wanted, known) or _list_metrics(problem_type)}")
    if problem_type is not None and problem_type not in holders:
        raise UnknownMetric(
            f"{name!r} is a metric of {' and '.join(holders)} problems, this one is {problem_type}."
            f"{_list_metrics(problem_type)}"
        )
    return str(METRICS[problem_type or holders[0]][wanted].name)


def find_scorer(name: str, problem_type: str) -> Any:
    """AutoGluon's scorer for a resolved name."""
    return METRICS[problem_type][name]


def _known_names(problem_type: str | None) -> list[str]:
    kinds = [problem_type] if problem_type else PROBLEM_TYPES
    return sorted({name for kind in kinds for name in METRICS[kind]} | set(_MORE_ALIASES))


def _list_metrics(problem_type: str | None) -> str:
    if problem_type is None:
        return " Among the known ones are accuracy, f1, roc_auc, log_loss, root_mean_squared_error, r2, pinball_loss."
    names = sorted({str(scorer.name) for scorer in METRICS[problem_type].values()})
    return f" The metrics of {problem_type} problems are {join_names(names, most=30)}."
