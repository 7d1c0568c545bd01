"""The verdict of the gate on what was measured."""

from __future__ import annotations

import pytest

from app.release.manifest import MetricValue
from app.training.gate.checks import Check, GateReport
from app.training.gate.footprint import Footprint
from app.training.gate.judge import choose_default_limits, collect_measurements, judge
from app.training.gate.limits import Limit
from app.training.gate.stability import Stability

QUALITY = {
    "accuracy": MetricValue(value=0.8, low=0.75, high=0.85, higher_is_better=True),
    "log_loss": MetricValue(value=0.4, low=0.35, high=0.45, higher_is_better=False),
}


def judge_model(
    *limits: Limit, problem_type: str = "binary", fold_spread: float | None = 0.03, memory_mb: float = 300.0
) -> GateReport:
    stability = Stability(fold_spread=fold_spread, repeat_difference=0.0, batch_difference=1e-7)
    footprint = Footprint(
        size_mb=2.0,
        memory_mb=memory_mb,
        latency_ms=12.0,
        latency_p99_ms=20.0,
        rows_per_second=9000.0,
        execution="plan",
    )
    return judge(
        limits,
        defaults=choose_default_limits(problem_type, memory_gb=1),
        quality=QUALITY,
        measurements=collect_measurements(stability, footprint),
    )


def find_check(report: GateReport, name: str) -> Check:
    (check,) = [check for check in report.checks if check.name == name]
    return check


def test_a_sound_model_passes_without_any_limit_of_ones_own() -> None:
    report = judge_model()
    assert report.passed
    assert [check.name for check in report.checks if check.limit is not None] == [
        "stability",
        "repeat_difference",
        "batch_difference",
        "latency_ms",
        "memory_mb",
    ]
    assert find_check(report, "size_mb") == Check(name="size_mb", measured=2.0, limit=None, direction=None, passed=True)


@pytest.mark.parametrize(
    ("limit", "passed"),
    [
        (Limit("accuracy", "min", 0.8), True),
        (Limit("accuracy", "min", 0.81), False),
        (Limit("log_loss", "max", 0.4), True),
        (Limit("log_loss", "max", 0.39), False),
        (Limit("size_mb", "max", 2.0), True),
        (Limit("size_mb", "max", 1.9), False),
        (Limit("latency_ms", "max", 11.9), False),
        (Limit("latency_p99_ms", "max", 19.9), False),
        (Limit("rows_per_second", "min", 9001), False),
        (Limit("stability", "max", 0.02), False),
    ],
)
def test_a_limit_is_literal_in_the_natural_sign(limit: Limit, passed: bool) -> None:
    report = judge_model(limit)
    assert report.passed is passed
    assert [check.name for check in report.failures] == ([] if passed else [limit.metric])


def test_a_limit_against_the_grain_holds_and_is_questioned() -> None:
    check = find_check(judge_model(Limit("log_loss", "min", 0.3)), "log_loss")
    assert (check.passed, check.note) == (True, "lower is better: is --max meant?")


def test_a_metric_that_the_rows_do_not_define_fails() -> None:
    check = find_check(judge_model(Limit("roc_auc", "min", 0.5)), "roc_auc")
    assert (check.passed, check.measured, check.note) == (False, None, "not defined on the held-out rows")


def test_an_unsteady_model_fails_by_default_but_only_for_classes() -> None:
    assert [check.name for check in judge_model(fold_spread=0.11).failures] == ["stability"]
    assert judge_model(fold_spread=0.11, problem_type="regression").passed


def test_a_model_without_folds_passes_unless_their_spread_is_asked_for() -> None:
    assert judge_model(fold_spread=None).passed
    report = judge_model(Limit("stability", "max", 0.1), fold_spread=None)
    assert find_check(report, "stability").note == "cannot be measured: no bag has several folds"
    assert not report.passed


def test_memory_is_limited_by_the_memory_setting_unless_said_otherwise() -> None:
    assert [check.name for check in judge_model(memory_mb=1025.0).failures] == ["memory_mb"]
    assert judge_model(Limit("memory_mb", "max", 2000.0), memory_mb=1025.0).passed


def test_a_report_can_be_written_as_json() -> None:
    values = judge_model(Limit("accuracy", "min", 0.9)).to_dict()
    assert values["passed"] is False
    assert values["checks"][0] == {
        "name": "accuracy",
        "measured": 0.8,
        "limit": 0.9,
        "direction": "min",
        "passed": False,
        "note": "",
    }
