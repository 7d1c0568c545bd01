"""Quantiles: how often the truth lies below each of them, their pinball loss, and how wide the intervals are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import mean_pinball_loss

from app.charts.chart import Canvas, Chart, Mark
from app.charts.page import Figure, Section
from app.charts.scale import UNIT
from app.charts.table import Cell, Table, make_row
from app.charts.text import write_number, write_share
from app.training.card.quality.calibration import compute_share_interval
from app.training.gate.metrics import Answers

Numbers = npt.NDArray[Any]


def describe_quantiles(answers: Answers) -> tuple[Section, ...]:
    """`answers.predicted` has one column per level."""
    truth, predicted = answers.truth.astype(float), answers.predicted.astype(float)
    levels = answers.quantile_levels
    covered = tuple(float((truth <= predicted[:, column]).mean()) for column in range(len(levels)))
    return (
        Section(
            key="coverage-section",
            title="Does the truth lie where it should?",
            sentences=("Of all rows, the share of a level should have a true value at or below its quantile.",),
            tables=(
                _tabulate_levels(truth, predicted, levels, covered),
                *_tabulate_intervals(truth, predicted, levels),
            ),
            figures=(Figure(_draw_coverage(levels, covered, len(truth))),),
        ),
    )


def _tabulate_levels(
    truth: Numbers, predicted: Numbers, levels: tuple[float, ...], covered: tuple[float, ...]
) -> Table:
    intervals = [compute_share_interval(share, len(truth)) for share in covered]
    return Table(
        caption="Each level",
        columns=("level", "truth at or below", "95 % interval", "pinball loss"),
        rows=tuple(
            make_row(
                write_number(level),
                write_share(share),
                f"{write_share(low)} to {write_share(high)}",
                write_number(float(mean_pinball_loss(truth, predicted[:, column], alpha=level))),
            )
            for column, (level, share, (low, high)) in enumerate(zip(levels, covered, intervals, strict=True))
        ),
        numeric=frozenset({1, 2, 3}),
    )


def _tabulate_intervals(truth: Numbers, predicted: Numbers, levels: tuple[float, ...]) -> tuple[Table, ...]:
    """One line for each pair of levels that lie around the middle alike, such as 0.1 and 0.9."""
    column_of = {round(level, 6): column for column, level in enumerate(levels)}
    pairs = [(level, round(1 - level, 6)) for level in sorted(column_of) if level < 0.5]
    rows = tuple(
        _describe_interval(truth, predicted[:, column_of[low]], predicted[:, column_of[high]], low, high)
        for low, high in pairs
        if high in column_of
    )
    if not rows:
        return ()
    return (
        Table(
            caption="Intervals between two levels",
            columns=("interval", "should hold", "holds", "median width"),
            rows=rows,
            numeric=frozenset({1, 2, 3}),
        ),
    )


def _describe_interval(truth: Numbers, lower: Numbers, upper: Numbers, low: float, high: float) -> tuple[Cell, ...]:
    holds = float(((lower < truth) & (truth <= upper)).mean())
    width = float(np.median(upper - lower))
    return make_row(
        f"{write_number(low)} to {write_number(high)}", write_share(high - low), write_share(holds), write_number(width)
    )


def _draw_coverage(levels: tuple[float, ...], covered: tuple[float, ...], rows: int) -> Chart:
    canvas = Canvas(UNIT, UNIT)
    points = sorted(zip(levels, covered, strict=True))
    worst = max(abs(level - share) for level, share in points)
    whiskers = [(level, *compute_share_interval(share, rows)) for level, share in points]
    return Chart(
        key="coverage",
        title="Coverage",
        description=f"Level against the share of rows whose truth lies at or below its quantile, with 95 % intervals; "
        f"the largest gap is {write_share(worst)}.",
        x_label="level",
        y_label="share of rows at or below",
        x_ticks=canvas.list_x_ticks(),
        y_ticks=canvas.list_y_ticks(),
        marks=(
            Mark(canvas.draw_line([(0, 0), (1, 1)]), "guide", "perfect"),
            Mark(canvas.draw_whiskers(whiskers), "whiskers"),
            Mark(canvas.draw_line(points), "line", "this model"),
            Mark(canvas.draw_dots(points), "dots"),
        ),
    )
