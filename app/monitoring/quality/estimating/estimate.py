"""Metrics that are to be expected, from the sums of what rows are expected to turn out as.

Confidence-based performance estimation: when a calibrated probability says 0.8, of ten such answers eight will turn out
to be right, so that the counts of right and wrong answers can be expected before they are known (Bialek, Kivimaki,
Kuberski and Perrakis, Estimating Model Performance Under Covariate Shift Without Labels, arXiv:2401.08348; Kivimaki,
Bialek, Nurminen and Kuberski, Confidence-based Estimators for Predictive Performance in Model Monitoring, Journal of
Artificial Intelligence Research 82, 2025).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.monitoring.quality.estimating.sums import ExpectedSums
from app.monitoring.quality.measuring.cells import compute_of_cells, compute_of_scores, is_of_cells
from app.monitoring.quality.measuring.intervals import NORMAL_95, Interval, find_interval_of_cells, resample

_OF_SCORES = ("roc_auc", "average_precision")


@dataclass(frozen=True, kw_only=True)
class EstimatedMetric:
    """Attributes: low, high: Where 95 % of windows of so many rows would lie, if the probabilities hold."""

    name: str
    value: float
    low: float
    high: float


def can_be_estimated(name: str) -> bool:
    return is_of_cells(name) or name == "log_loss" or name in _OF_SCORES


def estimate_metrics(names: Sequence[str], sums: ExpectedSums, *, positive: int | None) -> list[EstimatedMetric]:
    """Those of the metrics that can be estimated and that these rows define."""
    estimated = []
    for name in filter(can_be_estimated, names):
        value = estimate_metric(name, sums, positive=positive)
        if math.isfinite(value):
            low, high = _find_interval(name, value, sums, positive)
            estimated.append(EstimatedMetric(name=name, value=value, low=low, high=high))
    return estimated


def estimate_metric(name: str, sums: ExpectedSums, *, positive: int | None) -> float:
    """A metric as it is to be expected; NaN where these rows do not define it."""
    if not sums.rows:
        return math.nan
    if is_of_cells(name):
        return compute_of_cells(name, sums.count_cells(positive))
    if name == "log_loss":
        return sums.loss / sums.rows
    return compute_of_scores(name, *sums.list_scores())


def _find_interval(name: str, value: float, sums: ExpectedSums, positive: int | None) -> Interval:
    if is_of_cells(name):
        return find_interval_of_cells(name, value, sums.count_cells(positive))
    if name == "log_loss":
        variance = max(0.0, sums.squared_loss / sums.rows - value**2)
        spread = NORMAL_95 * math.sqrt(variance / sums.rows)
        return value - spread, value + spread
    truth, scores, weights = sums.list_scores()

    def compute(drawn: npt.NDArray[np.float64]) -> Any:
        return compute_of_scores(name, truth, scores, drawn)

    return resample(value, weights, compute)
