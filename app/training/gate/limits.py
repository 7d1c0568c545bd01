"""Limits of the gate as a person writes them: METRIC=VALUE, literal in the metric's natural sign."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from app.training.gate.metric_names import UnknownMetric, resolve_metric_name
from app.training.refusals import InvalidTrainingSettings, suggest_closest

Direction = Literal["min", "max"]

# What the gate measures besides metrics, and what a person reads about it.
MEASUREMENTS = {
    "stability": "spread of the predictions across the folds of a bag",
    "repeat_difference": "largest difference between two predictions of the same rows",
    "batch_difference": "largest difference between a row alone and the same row in a batch",
    "latency_ms": "time to predict one row, median, one thread, as served",
    "latency_p99_ms": "time that one row in a hundred exceeds",
    "rows_per_second": "rows predicted in a second, in batches of 2000, one thread",
    "memory_mb": "resident memory of a process that serves the model",
    "size_mb": "size of the release on disk",
}


@dataclass(frozen=True)
class Limit:
    """`metric` must be at least (`min`) or at most (`max`) `bound`."""

    metric: str
    direction: Direction
    bound: float

    def allows(self, measured: float) -> bool:
        return measured >= self.bound if self.direction == "min" else measured <= self.bound

    def __str__(self) -> str:
        return f"{self.metric} {'>=' if self.direction == 'min' else '<='} {self.bound:g}"


def parse_limits(
    *, minima: Iterable[str], maxima: Iterable[str], problem_type: str | None
) -> tuple[list[Limit], list[str]]:
    """Read `METRIC=VALUE` texts: the limits, and a sentence for each text that is not one."""
    limits: list[Limit] = []
    faults: list[str] = []
    texts: list[tuple[Direction, str]] = [*(("min", text) for text in minima), *(("max", text) for text in maxima)]
    for direction, text in texts:
        try:
            limit = _parse_limit(text, direction, problem_type)
        except ValueError as fault:
            faults.append(f"--{direction} {text}: {fault}")
            continue
        if any((known.metric, known.direction) == (limit.metric, direction) for known in limits):
            faults.append(f"--{direction} {text}: {limit.metric} has a --{direction} limit already.")
        limits.append(limit)
    return limits, faults


def resolve_limits(limits: Iterable[Limit], problem_type: str) -> tuple[Limit, ...]:
    """The same limits for a problem type that is known only now.

    Raises:
        InvalidTrainingSettings: when a metric is not one of this problem type.
    """
    resolved, faults = [], []
    for limit in limits:
        try:
            resolved.append(replace(limit, metric=_resolve_name(limit.metric, problem_type)))
        except ValueError as fault:
            faults.append(f"--{limit.direction} {limit.metric}={limit.bound:g}: {fault}")
    if faults:
        raise InvalidTrainingSettings(faults)
    return tuple(resolved)


def write_as_texts(values: Mapping[str, object]) -> list[str]:
    """Limits from a configuration file, `{accuracy: 0.8}`, as they would be typed."""
    return [f"{name}={value}" for name, value in values.items()]


def _parse_limit(text: str, direction: Direction, problem_type: str | None) -> Limit:
    name, sign, number = text.partition("=")
    if not sign or not name.strip():
        raise ValueError("expected METRIC=VALUE, for example accuracy=0.8.")
    try:
        bound = float(number)
    except ValueError:
        raise ValueError(f"{number.strip()!r} is not a number.") from None
    if not math.isfinite(bound):
        raise ValueError(f"{number.strip()!r} is not a finite number.")
    return Limit(_resolve_name(name, problem_type), direction, bound)


def _resolve_name(name: str, problem_type: str | None) -> str:
    wanted = name.strip().lower().replace("-", "_")
    if wanted in MEASUREMENTS:
        return wanted
    try:
        return resolve_metric_name(name, problem_type)
    except UnknownMetric:
        if closest := suggest_closest(wanted, MEASUREMENTS):
            raise UnknownMetric(f"{name.strip()!r} is not a metric.{closest}") from None
        raise
