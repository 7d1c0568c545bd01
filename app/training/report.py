"""The report at the end: leaderboard, metrics, checks of the gate, size and speed; as data and as cells of tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from autogluon.tabular import TabularPredictor

from app.release.manifest import LadderEntry, Manifest, MetricValue
from app.training.gate.checks import Check, GateReport
from app.training.gate.limits import MEASUREMENTS
from app.training.gate.metrics import to_natural_sign

_MOST_LEADERBOARD_ROWS = 10_000
_UNITS = {"latency_ms": " ms", "latency_p99_ms": " ms", "memory_mb": " MB", "size_mb": " MB"}

Cells = tuple[Sequence[str], list[list[str]]]


@dataclass(frozen=True, kw_only=True)
class LeaderboardEntry:
    """One fitted model. Scores are the evaluation metric in its natural sign; None where the model has none."""

    model: str
    held_out: float | None
    validation: float | None
    fit_seconds: float | None
    is_best: bool


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """Everything a person or a pipeline wants to know of one run.

    Attributes:
        version: None when nothing was published.
        plan_refusal: Why the published version has no compiled plan; None when it has one or nothing was published.
        size_mb: Of the published version; None when nothing was published.
        size_before_mb: What AutoGluon's own clone for deployment takes.
        best_model: The model that the release is made of.
        ladder: All candidates that it was chosen from; empty when none were built.
        unchanged_version: The version that is what was chosen already; None otherwise.
    """

    name: str
    label: str
    problem_type: str
    eval_metric: str
    best_model: str
    rows_train: int | None
    rows_held_out: int
    leaderboard: tuple[LeaderboardEntry, ...]
    quality: Mapping[str, MetricValue]
    gate: GateReport
    measurements: Mapping[str, float | None]
    notes: tuple[str, ...]
    version: str | None
    plan_refusal: str | None
    activated: bool
    size_mb: float | None = None
    size_before_mb: float | None = None
    ladder: tuple[LadderEntry, ...] = ()
    unchanged_version: str | None = None

    def to_dict(self) -> dict[str, Any]:
        structured = ("gate", "ladder", "leaderboard", "quality")
        values = {name: value for name, value in vars(self).items() if name not in structured}
        return {
            **values,
            "measurements": dict(self.measurements),
            "quality": {name: asdict(metric) for name, metric in self.quality.items()},
            "leaderboard": [asdict(entry) for entry in self.leaderboard],
            "ladder": [asdict(entry) for entry in self.ladder],
            "gate": self.gate.to_dict(),
        }


def build_leaderboard(predictor: TabularPredictor, held_out: pd.DataFrame) -> tuple[LeaderboardEntry, ...]:
    """All models that can predict, the best on held-out rows first."""
    table = predictor.leaderboard(held_out.head(_MOST_LEADERBOARD_ROWS))
    scorer = predictor.eval_metric

    def read(score: Any, *, is_metric: bool = True) -> float | None:
        if pd.isna(score) or not math.isfinite(score):
            return None
        return to_natural_sign(scorer, score) if is_metric else float(score)

    return tuple(
        LeaderboardEntry(
            model=str(row["model"]),
            held_out=read(row["score_test"]),
            validation=read(row["score_val"]),
            fit_seconds=read(row["fit_time"], is_metric=False),
            is_best=row["model"] == predictor.model_best,
        )
        for _, row in table.iterrows()
    )


def build_report(
    predictor: TabularPredictor,
    *,
    name: str,
    rows_train: int | None,
    held_out: pd.DataFrame,
    quality: Mapping[str, MetricValue],
    gate: GateReport,
    measurements: Mapping[str, float | None],
    notes: tuple[str, ...],
    manifest: Manifest | None,
    activated: bool,
    best_model: str,
    ladder: tuple[LadderEntry, ...] = (),
    unchanged_version: str | None = None,
) -> TrainingReport:
    """Put together what was measured and what became of it."""
    return TrainingReport(
        name=name,
        label=str(predictor.label),
        problem_type=str(predictor.problem_type),
        eval_metric=str(predictor.eval_metric.name),
        best_model=best_model,
        rows_train=rows_train,
        rows_held_out=len(held_out),
        leaderboard=build_leaderboard(predictor, held_out),
        quality=quality,
        gate=gate,
        measurements=measurements,
        notes=notes,
        version=manifest.version if manifest else None,
        plan_refusal=manifest.plan_refusal if manifest else None,
        activated=activated and manifest is not None,
        size_mb=manifest.size_mb if manifest else None,
        size_before_mb=manifest.size_before_mb if manifest else None,
        ladder=ladder,
        unchanged_version=unchanged_version,
    )


def list_leaderboard_cells(report: TrainingReport) -> Cells:
    metric = report.eval_metric
    return (
        ["model", f"{metric}, held out", f"{metric}, validation", "fitted in"],
        [
            [
                f"{entry.model} (best)" if entry.is_best else entry.model,
                _write(entry.held_out),
                _write(entry.validation),
                "" if entry.fit_seconds is None else f"{entry.fit_seconds:.1f} s",
            ]
            for entry in report.leaderboard
        ],
    )


def list_quality_cells(report: TrainingReport) -> Cells:
    return (
        ["metric", "held out", "95 % interval", "better when"],
        [
            [
                name,
                _write(metric.value),
                f"{_write(metric.low)} to {_write(metric.high)}",
                "higher" if metric.higher_is_better else "lower",
            ]
            for name, metric in report.quality.items()
        ],
    )


def list_gate_cells(report: TrainingReport) -> Cells:
    """Failed checks first."""
    checks = sorted(report.gate.checks, key=lambda check: check.passed)
    return (
        ["check", "measured", "limit", "", "what"],
        [
            [
                check.name,
                _write(check.measured) + (_UNITS.get(check.name, "") if check.measured is not None else ""),
                _write_limit(check),
                _write_verdict(check),
                check.note or MEASUREMENTS.get(check.name, "held-out metric"),
            ]
            for check in checks
        ],
    )


def list_ladder_cells(report: TrainingReport) -> Cells:
    """All candidates in the order in which they were built; what was left out has no figures."""
    return (
        [
            "candidate",
            report.eval_metric,
            "loss",
            "95 % interval",
            "one row",
            "p99",
            "rows/s",
            "size",
            "memory",
            "by",
            "",
            "what it is",
        ],
        [
            [
                f"{entry.name} (chosen)" if entry.chosen else entry.name,
                _write(entry.quality),
                _write_share(entry.loss),
                "" if entry.loss is None else f"{_write_share(entry.loss_low)} to {_write_share(entry.loss_high)}",
                _write(entry.latency_ms, " ms"),
                _write(entry.latency_p99_ms, " ms"),
                "" if entry.rows_per_second is None else f"{entry.rows_per_second:.0f}",
                _write(entry.size_mb, " MB"),
                _write(entry.memory_mb, " MB"),
                entry.execution or "",
                entry.reason,
                entry.description,
            ]
            for entry in report.ladder
        ],
    )


def _write_share(value: float | None) -> str:
    return "" if value is None else f"{value:+.2%}"


def describe_failure(check: Check) -> str:
    """Which check failed and by how much, in one line."""
    if check.measured is None or check.limit is None:
        return f"{check.name}: {check.note}"
    unit = _UNITS.get(check.name, "")
    distance = f"{_write(abs(check.measured - check.limit))}{unit} too {'low' if check.direction == 'min' else 'high'}"
    note = f"; {check.note}" if check.note else ""
    return f"{check.name}: {_write(check.measured)}{unit}, {_write_limit(check)} is demanded, {distance}{note}"


def _write_limit(check: Check) -> str:
    if check.limit is None:
        return ""
    return f"{'at least' if check.direction == 'min' else 'at most'} {check.limit:g}{_UNITS.get(check.name, '')}"


def _write_verdict(check: Check) -> str:
    if check.is_figure_only:
        return ""
    return "passed" if check.passed else "FAILED"


def _write(value: float | None, unit: str = "") -> str:
    """Four significant figures, never an exponent for everyday numbers."""
    if value is None:
        return ""
    return (f"{value:.0f}" if 10_000 <= abs(value) < 1e15 else f"{value:.4g}") + unit
