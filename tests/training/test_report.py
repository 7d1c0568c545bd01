"""The report: the leaderboard in natural signs, and cells that read well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from app.release.manifest import MetricValue
from app.training.gate.checks import Check, GateReport
from app.training.report import (
    LeaderboardEntry,
    TrainingReport,
    build_leaderboard,
    describe_failure,
    list_gate_cells,
    list_leaderboard_cells,
    list_quality_cells,
)
from tests.fixtures import FittedModel

REPORT = TrainingReport(
    name="shop",
    label="spent",
    problem_type="regression",
    eval_metric="root_mean_squared_error",
    best_model="Ensemble",
    rows_train=700,
    rows_held_out=500,
    leaderboard=(
        LeaderboardEntry(model="Ensemble", held_out=7.12345, validation=None, fit_seconds=1.26, is_best=True),
        LeaderboardEntry(model="Tree", held_out=123456.7, validation=0.00012, fit_seconds=None, is_best=False),
    ),
    quality={"r2": MetricValue(value=0.9, low=0.8, high=0.95, higher_is_better=True)},
    gate=GateReport(
        (
            Check(name="size_mb", measured=1.5, limit=None, direction=None, passed=True),
            Check(name="r2", measured=0.9, limit=0.95, direction="min", passed=False),
            Check(name="latency_ms", measured=12.0, limit=2000, direction="max", passed=True),
        )
    ),
    measurements={"size_mb": 1.5, "stability": None},
    notes=("a note",),
    plan_refusal=None,
    version=None,
    activated=False,
)


@pytest.mark.parametrize("problem_type", ["binary", "regression"])
def test_the_leaderboard_is_autogluons_in_the_natural_sign(
    fitted: Callable[[str], FittedModel], problem_type: str
) -> None:
    model = fitted(problem_type)
    table = model.predictor.leaderboard(model.held_out).set_index("model")
    sign = -1 if problem_type == "regression" else 1
    entries = build_leaderboard(model.predictor, model.held_out)
    # Among equals AutoGluon puts the faster one first, which is another one each time.
    assert sorted(entry.model for entry in entries) == sorted(table.index)
    held_out = [sign * entry.held_out for entry in entries if entry.held_out is not None]
    assert held_out == sorted(held_out, reverse=True)
    for entry in entries:
        assert entry.held_out == pytest.approx(sign * table.loc[entry.model, "score_test"])
        assert entry.validation == pytest.approx(sign * table.loc[entry.model, "score_val"])
    assert [entry.model for entry in entries if entry.is_best] == [model.predictor.model_best]


def test_the_leaderboard_marks_the_best_model_and_leaves_unknown_scores_empty() -> None:
    columns, rows = list_leaderboard_cells(REPORT)
    assert columns == ["model", "root_mean_squared_error, held out", "root_mean_squared_error, validation", "fitted in"]
    assert rows == [["Ensemble (best)", "7.123", "", "1.3 s"], ["Tree", "123457", "0.00012", ""]]


def test_a_metric_is_shown_with_its_interval_and_direction() -> None:
    assert list_quality_cells(REPORT)[1] == [["r2", "0.9", "0.8 to 0.95", "higher"]]


def test_failed_checks_come_first() -> None:
    assert list_gate_cells(REPORT)[1] == [
        ["r2", "0.9", "at least 0.95", "FAILED", "held-out metric"],
        ["size_mb", "1.5 MB", "", "", "size of the release on disk"],
        ["latency_ms", "12 ms", "at most 2000 ms", "passed", "time to predict one row, median, one thread, as served"],
    ]


@pytest.mark.parametrize(
    ("check", "told"),
    [
        (
            Check(name="accuracy", measured=0.81, limit=0.99, direction="min", passed=False),
            "accuracy: 0.81, at least 0.99 is demanded, 0.18 too low",
        ),
        (
            Check(name="latency_ms", measured=12.0, limit=5, direction="max", passed=False, note="slow"),
            "latency_ms: 12 ms, at most 5 ms is demanded, 7 ms too high; slow",
        ),
        (Check(name="golden_rows", passed=False, note="row 3 differs"), "golden_rows: row 3 differs"),
    ],
)
def test_a_failure_says_by_how_much(check: Check, told: str) -> None:
    assert describe_failure(check) == told


def test_a_report_is_json() -> None:
    values = orjson.loads(orjson.dumps(replace(REPORT, version="3", activated=True).to_dict()))
    assert (values["version"], values["activated"], values["gate"]["passed"]) == ("3", True, False)
    assert values["leaderboard"][1]["fit_seconds"] is None
    assert values["quality"] == {"r2": {"value": 0.9, "low": 0.8, "high": 0.95, "higher_is_better": True}}
