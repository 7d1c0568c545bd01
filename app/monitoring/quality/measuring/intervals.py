"""How far a metric of so few outcomes may be from what it would be of very many: 95 % intervals by the bootstrap."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from app.monitoring.quality.measuring.cells import Cells, compute_of_cells, is_of_cells
from app.monitoring.quality.measuring.metrics import compute_metric, count_cells
from app.monitoring.quality.measuring.pairs import Pairs

RESAMPLES = 200
NORMAL_95 = 1.959964

_PERCENTILES = (2.5, 97.5)
_SEED = 0

Interval = tuple[float, float]


def find_interval(name: str, value: float, pairs: Pairs) -> Interval:
    """The percentile interval of a metric over rows drawn with replacement, as it is computed at publication.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. What only asks for classes is
    drawn as counts of cases, which is the same and takes less time.
    """
    if is_of_cells(name):
        return find_interval_of_cells(name, value, count_cells(pairs))
    random = np.random.default_rng(_SEED)
    drawn = (random.integers(0, len(pairs), len(pairs)) for _ in range(RESAMPLES))
    return _find_percentiles(value, (compute_metric(name, pairs.take(rows)) for rows in drawn))


def find_interval_of_cells(name: str, value: float, cells: Cells) -> Interval:
    """The same of counts, also of expected ones."""

    def compute(counts: npt.NDArray[np.float64]) -> float:
        return compute_of_cells(name, Cells(counts=counts.reshape(cells.counts.shape), positive=cells.positive))

    return resample(value, cells.counts.ravel(), compute)


def resample(
    value: float, weights: npt.NDArray[np.float64], compute: Callable[[npt.NDArray[np.float64]], float]
) -> Interval:
    """The percentile interval of what is computed of counts, drawn as often as there were cases."""
    random = np.random.default_rng(_SEED)
    cases = max(1, round(float(weights.sum())))
    drawn = random.multinomial(cases, weights / weights.sum(), size=RESAMPLES)
    return _find_percentiles(value, (compute(counts.astype(float)) for counts in drawn))


def _find_percentiles(value: float, resampled: Iterable[float]) -> Interval:
    finite = [score for score in resampled if math.isfinite(score)] or [value]
    low, high = np.percentile(finite, _PERCENTILES)
    return float(min(low, value)), float(max(high, value))
