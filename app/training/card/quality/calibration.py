"""Whether probabilities can be taken at their word: of rows answered with 70 %, do 70 % come true?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.charts.chart import Canvas, Chart, Mark
from app.charts.page import Figure
from app.charts.scale import UNIT
from app.charts.table import Table, make_row
from app.charts.text import write_share

Numbers = npt.NDArray[Any]

_BINS = 10
_TALLEST_BAR = 0.25
_NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Bin:
    """Rows whose probability lies between `start` and `end`: how often it was said and how often it came true."""

    start: float
    end: float
    rows: int
    said: float
    came_true: float
    low: float
    high: float


def compute_bins(probabilities: Numbers, outcomes: Numbers) -> tuple[Bin, ...]:
    """Ten bins of equal width, the empty ones left out, with 95 % intervals of what came true."""
    positions = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    bins = []
    for position in range(_BINS):
        inside = positions == position
        rows = int(inside.sum())
        if rows:
            came_true = float(outcomes[inside].mean())
            low, high = compute_share_interval(came_true, rows)
            said = float(probabilities[inside].mean())
            bins.append(Bin(position / _BINS, (position + 1) / _BINS, rows, said, came_true, low, high))
    return tuple(bins)


def compute_calibration_error(bins: tuple[Bin, ...]) -> float:
    """Mean distance between what was said and what came true, by rows: the expected calibration error."""
    return sum(part.rows * abs(part.said - part.came_true) for part in bins) / sum(part.rows for part in bins)


def compute_share_interval(share: float, rows: int) -> tuple[float, float]:
    """The 95 % interval of a share, after Wilson, Journal of the American Statistical Association 22 (1927)."""
    spread = _NORMAL_95**2 / rows
    middle = (share + spread / 2) / (1 + spread)
    half = _NORMAL_95 * math.sqrt(share * (1 - share) / rows + spread / (4 * rows)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def draw_calibration(bins: tuple[Bin, ...], *, said: str, came_true: str) -> Figure:
    """The reliability plot; its table holds the counts."""
    canvas = Canvas(UNIT, UNIT)
    most = max(part.rows for part in bins)
    points = [(part.said, part.came_true) for part in bins]
    error = compute_calibration_error(bins)
    chart = Chart(
        key="calibration",
        title="Calibration",
        description=f"Probability that was said against the share that came true, in {len(bins)} bins. On the diagonal "
        f"the two agree; on average they are {write_share(error)} apart. Lines are 95 % intervals, bars at the foot "
        f"show how many rows lie in a bin, {most:,} at most.",
        x_label=said,
        y_label=came_true,
        x_ticks=canvas.list_x_ticks(),
        y_ticks=canvas.list_y_ticks(),
        marks=(
            Mark(canvas.draw_bars((p.start, p.end, p.rows / most * _TALLEST_BAR) for p in bins), "faint", "rows"),
            Mark(canvas.draw_line([(0, 0), (1, 1)]), "guide", "perfect"),
            Mark(canvas.draw_whiskers((part.said, part.low, part.high) for part in bins), "whiskers"),
            Mark(canvas.draw_line(points), "line", "this model"),
            Mark(canvas.draw_dots(points), "dots"),
        ),
    )
    return Figure(chart, _list_bins(bins, said, came_true))


def _list_bins(bins: tuple[Bin, ...], said: str, came_true: str) -> Table:
    return Table(
        caption="Calibration in numbers",
        columns=("bin", "rows", f"{said}, mean", came_true, "95 % interval"),
        rows=tuple(
            make_row(
                f"{part.start:.1f} to {part.end:.1f}",
                f"{part.rows:,}",
                write_share(part.said),
                write_share(part.came_true),
                f"{write_share(part.low)} to {write_share(part.high)}",
            )
            for part in bins
        ),
        numeric=frozenset({1, 2, 3, 4}),
        is_folded=True,
    )
