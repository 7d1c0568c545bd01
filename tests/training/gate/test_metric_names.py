"""Names of metrics, aliases, and what is proposed for a wrong one."""

from __future__ import annotations

import pytest

from app.training.gate.metric_names import UnknownMetric, find_scorer, resolve_metric_name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("rmse", "root_mean_squared_error"),
        ("mae", "mean_absolute_error"),
        ("MSE", "mean_squared_error"),
        ("auc", "roc_auc"),
        ("ROC-AUC", "roc_auc"),
        ("logloss", "log_loss"),
        ("nll", "log_loss"),
        ("acc", "accuracy"),
        (" f1 ", "f1"),
        ("pinball", "pinball_loss"),
    ],
)
def test_an_alias_is_the_metric(typed: str, name: str) -> None:
    assert resolve_metric_name(typed, None) == name


def test_an_unknown_name_gets_the_closest_one() -> None:
    with pytest.raises(UnknownMetric, match=r"^'acuracy' is not a metric. Did you mean accuracy\?$"):
        resolve_metric_name("acuracy", "binary")


def test_a_name_like_no_other_gets_the_metrics_of_its_problem_type() -> None:
    with pytest.raises(UnknownMetric, match=r"The metrics of quantile problems are pinball_loss\."):
        resolve_metric_name("xyzzy", "quantile")
    with pytest.raises(UnknownMetric, match="Among the known ones are accuracy"):
        resolve_metric_name("xyzzy", None)


def test_a_metric_of_another_problem_type_is_said_to_be_one() -> None:
    with pytest.raises(UnknownMetric, match="'auc' is a metric of binary problems, this one is multiclass"):
        resolve_metric_name("auc", "multiclass")


def test_a_resolved_name_finds_its_scorer() -> None:
    assert find_scorer(resolve_metric_name("rmse", "regression"), "regression").name == "root_mean_squared_error"
