"""Limits as a person writes them."""

from __future__ import annotations

import pytest

from app.training.gate.limits import Limit, parse_limits, resolve_limits
from app.training.refusals import InvalidTrainingSettings


def test_limits_are_read_with_aliases_and_measurements() -> None:
    limits, faults = parse_limits(
        minima=["AUC=0.8", " accuracy = -1e-3 "], maxima=["rmse=5", "latency-ms=20", "size_mb=1.5"], problem_type=None
    )
    assert faults == []
    assert limits == [
        Limit("roc_auc", "min", 0.8),
        Limit("accuracy", "min", -0.001),
        Limit("root_mean_squared_error", "max", 5.0),
        Limit("latency_ms", "max", 20.0),
        Limit("size_mb", "max", 1.5),
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("accuracy", "expected METRIC=VALUE, for example accuracy=0.8."),
        ("=0.8", "expected METRIC=VALUE, for example accuracy=0.8."),
        ("accuracy=", "'' is not a number."),
        ("accuracy=0,8", "'0,8' is not a number."),
        ("accuracy=nan", "'nan' is not a finite number."),
        ("accuracy=inf", "'inf' is not a finite number."),
        ("latancy_ms=5", "'latancy_ms' is not a metric. Did you mean latency_ms?"),
    ],
)
def test_a_text_that_is_no_limit_is_a_fault(text: str, fault: str) -> None:
    assert parse_limits(minima=[text], maxima=[], problem_type=None)[1] == [f"--min {text}: {fault}"]


def test_the_same_limit_twice_is_a_fault_but_both_ends_of_a_range_are_not() -> None:
    limits, faults = parse_limits(minima=["auc=0.8", "roc_auc=0.9"], maxima=["auc=0.99"], problem_type=None)
    assert faults == ["--min roc_auc=0.9: roc_auc has a --min limit already."]
    assert len(limits) == 3


def test_a_limit_includes_its_bound() -> None:
    assert Limit("accuracy", "min", 0.8).allows(0.8)
    assert not Limit("accuracy", "min", 0.8).allows(0.7999)
    assert Limit("log_loss", "max", 0.4).allows(0.4)
    assert not Limit("log_loss", "max", 0.4).allows(0.4001)


def test_limits_are_checked_again_when_the_problem_type_is_known() -> None:
    limits = [Limit("f1", "min", 0.5), Limit("memory_mb", "max", 900.0)]
    assert resolve_limits(limits, "binary") == tuple(limits)
    with pytest.raises(InvalidTrainingSettings) as caught:
        resolve_limits(limits, "multiclass")
    assert caught.value.faults[0].startswith("--min f1=0.5: 'f1' is a metric of binary problems")
