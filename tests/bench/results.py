"""What a run finds, before anybody judges it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.scope import Load
from tests.bench.servers.processes import WorkerMemory
from tests.bench.servers.running import StartTimes


@dataclass(frozen=True)
class Sample:
    """One server under one load, once."""

    server: str
    load: Load
    round: int
    requests: int
    errors: int
    seconds: float
    requests_per_second: float
    p50_ms: float
    p99_ms: float

    @property
    def rows_per_second(self) -> float:
        return self.requests_per_second * self.load.rows


@dataclass(frozen=True)
class AnswerCheck:
    """Answers compared with AutoGluon's own; differences are relative where numbers are larger than 1."""

    rows: int
    wrong: int
    largest_difference: float


@dataclass(frozen=True, kw_only=True)
class SubjectResult:
    """All about one predictor.

    Attributes:
        left_out: Loads that would have taken too long, by server.
        memory: Of each worker of each server: `one_row` after requests of one row only, `end` after all.
        in_process_seconds: One `predict_proba` of the many rows, once per round.
        faults: A few texts of what went wrong, by server.
    """

    name: str
    has_plan: bool
    samples: Sequence[Sample]
    left_out: Mapping[str, Sequence[Load]]
    starts: Mapping[str, StartTimes]
    memory: Mapping[str, Mapping[str, Sequence[WorkerMemory]]]
    in_process_seconds: Sequence[float]
    checks: Mapping[str, AnswerCheck]
    faults: Mapping[str, Sequence[str]]

    def of(self, server: str, load: Load) -> list[Sample]:
        return [sample for sample in self.samples if (sample.server, sample.load) == (server, load)]

    def compare_speed(self, server: str, other: str, load: Load) -> float | None:
        """How many times as many requests a second: the median of the ratios of each round."""
        return _median_ratio(
            [sample.requests_per_second for sample in self.of(server, load)],
            [sample.requests_per_second for sample in self.of(other, load)],
        )

    def compare_latency(self, server: str, other: str, load: Load) -> float | None:
        """How many times the p50: the median of the ratios of each round."""
        return _median_ratio(
            [sample.p50_ms for sample in self.of(server, load)], [sample.p50_ms for sample in self.of(other, load)]
        )

    def compare_with_process(self, server: str, load: Load) -> float | None:
        """How many times the rows a second of `predict_proba` in process."""
        in_process = [load.rows / seconds for seconds in self.in_process_seconds]
        return _median_ratio([sample.rows_per_second for sample in self.of(server, load)], in_process)


@dataclass(frozen=True)
class GrowthPoint:
    """A model of one size and the times of its plan when least disturbed, in ms; `trees` are counted in the model."""

    family: str
    trees: int
    features: int
    one_row_ms: float
    many_rows_ms: float


@dataclass(frozen=True)
class Growth:
    """Models of three sizes per family, smallest first; `many_rows` is how many rows the second time is of."""

    many_rows: int
    by_trees: Sequence[GrowthPoint]
    by_features: Sequence[GrowthPoint]


def _median_ratio(values: Sequence[float], others: Sequence[float]) -> float | None:
    """Of the rounds that both have: what came earlier or later saw another machine."""
    ratios = [value / other for value, other in zip(values, others, strict=False) if other]
    return median(ratios) if ratios else None
