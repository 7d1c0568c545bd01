"""What is promised, as ratios within one run, and whether a run shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tests.bench.results import Growth, GrowthPoint, SubjectResult
from tests.bench.scope import CHURN, DIAMONDS, HPC, MANY_ROWS, NATIVE, NOOP, PLAN, TUTORIAL, Load

ONE, EIGHT, MANY_CALLERS = Load(1, 1), Load(1, 8), Load(1, 32)
ONE_BIG = Load(MANY_ROWS, 1)

# Requests a second of churn_ens behind the best of three servers that join requests before they call AutoGluon (BentoML
# 1.4.39, LitServe 0.2.19, MLServer 1.7.1), as shares of a no-op view with our gunicorn settings on the same machine.
BATCHING_SHARE_AT_8 = 47 / 2295
BATCHING_SHARE_AT_32 = 159 / 2295

Results = Mapping[str, SubjectResult]


@dataclass(frozen=True)
class Verdict:
    """One promise and what was measured.

    Attributes:
        measured: None when the run did not measure it.
        is_minimum: Whether `limit` is the least that holds, or the most.
    """

    promise: str
    limit: float
    is_minimum: bool
    measured: float | None
    unit: str = ""

    @property
    def holds(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= self.limit if self.is_minimum else self.measured <= self.limit


def judge(results: Results, growth: Growth | None) -> list[Verdict]:
    return [
        *_judge_one_row(results),
        *_judge_many_rows(results),
        *_judge_worker(results),
        *_judge_native(results),
        *_judge_growth(growth),
        *_judge_answers(results),
    ]


def _judge_one_row(results: Results) -> Iterator[Verdict]:
    def compare(server: str, other: str, load: Load, subject: str = CHURN.name) -> float | None:
        return _measure(results, subject, lambda result: result.compare_speed(server, other, load))

    yield Verdict("churn_ens, c=8: requests/s of the plan to the no-op's", 0.5, True, compare(PLAN, NOOP, EIGHT))
    latency = _measure(results, CHURN.name, lambda result: result.compare_latency(PLAN, NOOP, ONE))
    yield Verdict("churn_ens, c=1: p50 of the plan to the no-op's", 2, False, latency)
    for subject in (HPC, DIAMONDS):
        share = compare(PLAN, NOOP, EIGHT, subject.name)
        yield Verdict(f"{subject.name}, c=8: requests/s of the plan to the no-op's", 0.25, True, share)
    yield Verdict("churn_ens, c=8: requests/s of the plan to the tutorial's", 100, True, compare(PLAN, TUTORIAL, EIGHT))
    yield Verdict("churn_ens, c=8: requests/s of the plan to the native path's", 8, True, compare(PLAN, NATIVE, EIGHT))
    share = compare(PLAN, NOOP, EIGHT)
    yield Verdict(
        "churn_ens, c=8: requests/s of the plan to the best batching server's, both as shares of a no-op's",
        8,
        True,
        None if share is None else share / BATCHING_SHARE_AT_8,
    )


def _judge_many_rows(results: Results) -> Iterator[Verdict]:
    ratio = _measure(results, CHURN.name, lambda result: result.compare_with_process(PLAN, ONE_BIG))
    yield Verdict("churn_ens, 10,000 rows in a request: rows/s of the plan to predict_proba in process", 3, True, ratio)


def _judge_worker(results: Results) -> Iterator[Verdict]:
    resident = _measure(results, CHURN.name, lambda result: _largest_resident(result, "one_row"))
    yield Verdict("churn_ens: resident memory of a worker that serves the plan", 150, False, resident, "MB")
    ready = _measure(results, CHURN.name, lambda r: r.starts[PLAN].ready if PLAN in r.starts else None)
    yield Verdict("churn_ens: a worker's start to ready, plan", 1, False, ready, "s")


def _judge_native(results: Results) -> Iterator[Verdict]:
    share = _measure(results, CHURN.name, lambda result: result.compare_speed(NATIVE, NOOP, MANY_CALLERS))
    yield Verdict(
        "churn_ens, c=32: requests/s of the native path to the best batching server's, both as shares of a no-op's",
        1.5,
        True,
        None if share is None else share / BATCHING_SHARE_AT_32,
    )


def _judge_growth(growth: Growth | None) -> Iterator[Verdict]:
    for title, points, size in (
        ("trees", growth.by_trees if growth else (), lambda point: point.trees),
        ("features", growth.by_features if growth else (), lambda point: point.features),
    ):
        excess = max((compute_excess(family, size) for family in group_by_family(points)), default=None)
        yield Verdict(f"Growth of the plan's time with {title}, to linear growth", 1, False, excess)


def _judge_answers(results: Results) -> Iterator[Verdict]:
    for name, result in results.items():
        errors = sum(sample.errors for sample in result.samples if sample.server in (PLAN, NATIVE, NOOP))
        yield Verdict(f"{name}: requests without an answer", 0, False, float(errors))
        for server in (PLAN, NATIVE):
            if server in result.checks:
                check = result.checks[server]
                promise = f"{name}, {server}: largest difference to AutoGluon's own answers, {check.rows} rows"
                yield Verdict(promise, 1e-6, False, check.largest_difference)


def group_by_family(points: object) -> list[list[GrowthPoint]]:
    families: dict[str, list[GrowthPoint]] = {}
    for point in points:  # type: ignore[attr-defined]
        families.setdefault(point.family, []).append(point)
    return list(families.values())


def compute_excess(points: list[GrowthPoint], size: Callable[[GrowthPoint], int]) -> float:
    """By how much the time grew, from the smallest to the largest model, for each time that the size grew."""
    first, last = points[0], points[-1]
    grown = max(last.one_row_ms / first.one_row_ms, last.many_rows_ms / first.many_rows_ms)
    return grown / (size(last) / size(first))


def _measure(results: Results, subject: str, measure: Callable[[SubjectResult], float | None]) -> float | None:
    return measure(results[subject]) if subject in results else None


def _largest_resident(result: SubjectResult, stage: str) -> float | None:
    workers = result.memory[stage].get(PLAN)
    return max(worker.rss for worker in workers) if workers else None
