"""From counts to the figures that people read and rules judge: each with its name, its value and its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.release.candidate import TrialMode
from app.serving.rollout.comparison.intervals import (
    Estimate,
    estimate_mean,
    estimate_mean_difference,
    estimate_share,
    estimate_share_difference,
)
from app.serving.rollout.comparison.ledger import Counts
from app.serving.rollout.comparison.tally import Differences, Tally

_COMMON = {
    "error_share": "share of the candidate's requests that it could not answer",
    "p50_ratio": "median time of the candidate's model as a multiple of the active one's",
    "p99_ratio": "99th percentile of the same",
}
FIGURES: Mapping[TrialMode, Mapping[str, str]] = MappingProxyType(
    {
        "canary": {
            **_COMMON,
            "label_share_change": "largest change of the share of a class among the answers, callers may differ",
            "value_change": "largest change of a mean probability; of numbers, in standard deviations",
        },
        "shadow": {
            **_COMMON,
            "labels_differ": "share of rows with another label",
            "value_difference": "mean over rows of the largest difference of a probability, or of a number",
            "largest_difference": "the largest of these differences",
            "relative_difference": "mean over rows of the difference as a part of the number",
        },
    }
)


@dataclass(frozen=True, kw_only=True)
class GroupFigures:
    """What one version did. Times are those of the model alone, in milliseconds."""

    requests: int
    rows: int
    errors: int
    p50_ms: float | None
    p99_ms: float | None
    labels: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two versions side by side; `figures` holds those that could be computed, by name."""

    active: GroupFigures
    candidate: GroupFigures
    figures: Mapping[str, Estimate]
    copies_sent: int
    copies_dropped: int


def compare(counts: Counts, *, mode: TrialMode) -> Comparison:
    active, candidate = counts.active, counts.candidate
    figures: dict[str, Estimate | None] = {
        "error_share": estimate_share(candidate.errors, candidate.requests),
        "p50_ratio": _compare_times(candidate, active, 0.5),
        "p99_ratio": _compare_times(candidate, active, 0.99),
    }
    figures |= _compare_groups(candidate, active) if mode == "canary" else _compare_rows(counts.differences, candidate)
    return Comparison(
        active=_describe_group(active),
        candidate=_describe_group(candidate),
        figures={name: figure for name, figure in figures.items() if figure is not None},
        copies_sent=counts.copies_sent,
        copies_dropped=counts.copies_dropped,
    )


def _compare_groups(candidate: Tally, active: Tally) -> dict[str, Estimate | None]:
    """Distributions of two groups of callers; of many classes the one that changed most."""
    labels = {**active.labels, **candidate.labels}
    total, base_total = sum(candidate.labels.values()), sum(active.labels.values())
    shares = [
        estimate_share_difference(candidate.labels.get(name, 0), total, active.labels.get(name, 0), base_total)
        for name in labels
    ]
    values = [_compare_values(candidate, active, name) for name in candidate.values if name in active.values]
    return {"label_share_change": _find_largest(shares), "value_change": _find_largest(values)}


def _compare_values(candidate: Tally, active: Tally, name: str) -> Estimate | None:
    base = active.values[name]
    difference = estimate_mean_difference(candidate.values[name], base)
    if difference is None or active.labels:
        return difference
    return _scale(difference, base.variance**0.5)


def _scale(estimate: Estimate, unit: float) -> Estimate | None:
    if not unit or estimate.low is None or estimate.high is None:
        return None
    return Estimate(estimate.value / unit, estimate.low / unit, estimate.high / unit)


def _find_largest(changes: list[Estimate | None]) -> Estimate | None:
    """The change furthest from 0, turned so that it is positive."""
    known = [change for change in changes if change is not None]
    largest = max(known, key=lambda change: abs(change.value), default=None)
    if largest is None or largest.value >= 0 or largest.low is None or largest.high is None:
        return largest
    return Estimate(-largest.value, -largest.high, -largest.low)


def _compare_rows(differences: Differences, candidate: Tally) -> dict[str, Estimate | None]:
    if not differences.rows:
        return {}
    of_numbers = bool(differences.relative.count)
    return {
        "labels_differ": None if of_numbers else estimate_share(differences.other_labels, differences.rows),
        "value_difference": estimate_mean(differences.absolute),
        "largest_difference": Estimate(differences.absolute.largest),
        "relative_difference": estimate_mean(differences.relative) if candidate.rows else None,
    }


def _compare_times(candidate: Tally, active: Tally, level: float) -> Estimate | None:
    one, other = candidate.times.quantile(level), active.times.quantile(level)
    return None if one is None or other is None else Estimate(one / other)


def _describe_group(tally: Tally) -> GroupFigures:
    return GroupFigures(
        requests=tally.requests,
        rows=tally.rows,
        errors=tally.errors,
        p50_ms=_to_ms(tally.times.quantile(0.5)),
        p99_ms=_to_ms(tally.times.quantile(0.99)),
        labels=dict(sorted(tally.labels.items())),
    )


def _to_ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
