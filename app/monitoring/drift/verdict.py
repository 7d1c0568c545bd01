"""What differences between reference and live rows amount to: nothing, a warning or an alarm, and why."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.monitoring.drift.labels import name_number
from app.monitoring.drift.statistics import (
    Comparison,
    compare_news,
    compare_order,
    compare_share,
    compare_shares,
    compute_psi,
    expect_psi,
)
from app.monitoring.drift.window import LiveColumn
from app.release.profile.bins import MISSING, CategoryBins, Counts, NumberBins
from app.release.profile.reference import ColumnProfile

Level = Literal[0, 1, 2]

LEAST_REFERENCE_ROWS = 100
FALSE_ALARMS = 0.01
"""Of windows without drift, the most that chance alone may raise anything in, all features and answers together."""


@dataclass(frozen=True)
class Limits:
    """From where on a difference that is not chance is worth a warning, and an alarm."""

    warning: float
    alarm: float

    def judge(self, difference: float) -> Level:
        return 2 if difference >= self.alarm else 1 if difference >= self.warning else 0


PSI = Limits(0.1, 0.2)
DISTANCE = Limits(0.1, 0.15)
NULLS = Limits(0.025, 0.05)
UNSEEN = Limits(0.005, 0.01)
OUT_OF_RANGE = Limits(0.01, 0.02)


@dataclass(frozen=True, kw_only=True)
class ColumnDrift:
    """How live values of a column differ from those of the reference. Shares are of all rows.

    Attributes:
        psi_by_chance: What the PSI of so few rows is on average without any drift.
        test: Kolmogorov-Smirnov for what has an order, chi-square for categories.
        shift: By how many standard deviations the mean has moved; None without an order.
        unseen_share: Of categories that training did not have; None without categories.
        out_of_range_share: Of numbers and dates outside of training; None without a range.
        reasons: Why the level is what it is, the gravest first.
    """

    column: ColumnProfile
    counts: Counts
    level: Level
    psi: float
    psi_by_chance: float
    test: Literal["ks", "chi2"]
    comparison: Comparison
    shift: float | None
    null_share: float
    reference_null_share: float
    unseen_share: float | None
    out_of_range_share: float | None
    reasons: Sequence[str]


@dataclass(frozen=True)
class _Finding:
    """A difference that was looked for: how grave it is when it is not chance."""

    level: Level
    p_value: float
    reason: str


def count_tests(columns: Sequence[ColumnProfile]) -> int:
    """How many questions are asked of columns; the more there are, the surer each answer has to be."""
    return sum(4 if isinstance(column.bins, NumberBins) else 3 for column in columns)


def judge_column(column: ColumnProfile, live: LiveColumn, *, tests: int) -> ColumnDrift:
    """Compare a column of live rows with its reference.

    Nothing counts that chance alone makes more often than once in 100 windows, over all `tests` of a window together:
    each is held to a hundredth of its part (Bonferroni; Dunn, Multiple Comparisons among Means, Journal of the
    American Statistical Association 56 (1961)). What is left is judged by how large it is, not by how certain.
    """
    reference = np.array(column.counts)
    has_order = isinstance(column.bins, NumberBins)
    by_bins = compare_shares(reference, live.counts)
    by_order = compare_order(reference[:MISSING], live.counts[:MISSING])
    findings = [
        *(_judge_order(column, live, by_order) if has_order else ()),
        _judge_psi(reference, live.counts, by_bins),
        *_judge_shares(column, reference, live.counts),
    ]
    is_known = column.rows >= LEAST_REFERENCE_ROWS
    grave = [one for one in findings if is_known and one.level and one.p_value < FALSE_ALARMS / tests]
    grave.sort(key=lambda one: one.level, reverse=True)
    shares = live.counts / max(1, live.counts.sum())
    return ColumnDrift(
        column=column,
        counts=live.counts,
        level=grave[0].level if grave else 0,
        psi=compute_psi(reference, live.counts),
        psi_by_chance=expect_psi(reference, live.counts),
        test="ks" if has_order else "chi2",
        comparison=by_order if has_order else by_bins,
        shift=_find_shift(column, live),
        null_share=float(shares[MISSING]),
        reference_null_share=float(reference[MISSING] / max(1, column.rows)),
        unseen_share=float(shares[MISSING - 1]) if isinstance(column.bins, CategoryBins) else None,
        out_of_range_share=float(shares[0] + shares[MISSING - 1]) if _has_range(column) else None,
        reasons=[one.reason for one in grave],
    )


def _judge_psi(reference: Counts, live: Counts, bins: Comparison) -> _Finding:
    psi = compute_psi(reference, live)
    beyond_chance = psi - expect_psi(reference, live)
    return _Finding(PSI.judge(beyond_chance), bins.p_value, f"its values are spread otherwise (PSI {psi:.2f})")


def _judge_order(column: ColumnProfile, live: LiveColumn, comparison: Comparison) -> Iterator[_Finding]:
    shift = _find_shift(column, live)
    if shift is None or column.mean is None or column.deviation is None:
        return
    before = name_number(column.mean, column.kind, digits=4)
    now = name_number(column.mean + shift * column.deviation, column.kind, digits=4)
    reason = (
        f"its mean{' length' if column.kind == 'text' else ''} was {before} and is {now}, {abs(shift):.2f} standard "
        f"deviations {'more' if shift > 0 else 'less'} (Kolmogorov-Smirnov {comparison.effect:.2f})"
    )
    yield _Finding(DISTANCE.judge(comparison.effect), comparison.p_value, reason)


def _judge_shares(column: ColumnProfile, reference: Counts, live: Counts) -> Iterator[_Finding]:
    rows = int(live.sum())
    nulls = int(live[MISSING])
    before, now = reference[MISSING] / max(1, column.rows), nulls / max(1, rows)
    yield _Finding(
        NULLS.judge(abs(now - before)),
        compare_share(int(reference[MISSING]), column.rows, nulls, rows),
        f"{now:.1%} of its values are missing, {before:.1%} were",
    )
    if isinstance(column.bins, CategoryBins):
        known, news = int(reference[MISSING - 1]), int(live[MISSING - 1])
        yield _judge_news(column, known, news, rows, UNSEEN, "not in training")
    elif _has_range(column):
        known, news = (int(counts[0] + counts[MISSING - 1]) for counts in (reference, live))
        yield _judge_news(column, known, news, rows, OUT_OF_RANGE, "outside of what training had")


def _judge_news(column: ColumnProfile, alone: int, news: int, rows: int, limits: Limits, where: str) -> _Finding:
    share, expected = news / max(1, rows), alone / max(1, column.rows)
    p_value = compare_news(alone, column.rows, news, rows)
    return _Finding(limits.judge(share - expected), p_value, f"{share:.1%} of its values are {where}")


def _find_shift(column: ColumnProfile, live: LiveColumn) -> float | None:
    known = int(live.counts[:MISSING].sum())
    if column.mean is None or not column.deviation or not known:
        return None
    shift = (live.sum / known - column.mean) / column.deviation
    return shift if math.isfinite(shift) else None


def _has_range(column: ColumnProfile) -> bool:
    return column.kind in ("number", "date")
