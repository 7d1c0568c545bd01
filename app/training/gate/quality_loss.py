"""How much worse one model is than another on the same held-out rows, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from app.training.gate.metrics import Answers, compute_metric, draw_resamples, find_interval

# A share of nothing would be infinite, which no report can hold.
_LEAST_REFERENCE = 1e-9


@dataclass(frozen=True, kw_only=True)
class QualityLoss:
    """A loss relative to the reference model's metric: 0.01 is 1 % worse, below 0 is better.

    Attributes:
        value: The metric of the model in its natural sign (log_loss is positive), and `reference` that of the other.
        low: Lower end of the paired 95 % interval of the loss; `high` is the upper end.
    """

    metric: str
    value: float
    reference: float
    loss: float
    low: float
    high: float


def compute_quality_loss(answers: Answers, reference: Answers, scorer: Any, *, seed: int) -> QualityLoss | None:
    """Compare two models by one metric; None where these rows do not define it.

    Both must have answered the same rows in the same order. Each bootstrap resample draws the same rows for both, so
    that rows which are hard for both do not widen the interval. Losses of resamples too are relative to the metric of
    all rows: near zero a resampled one would make them jump.
    """
    value, other = compute_metric(scorer, answers), compute_metric(scorer, reference)
    if not (math.isfinite(value) and math.isfinite(other)):
        return None
    unit = max(abs(other), _LEAST_REFERENCE) * (1 if scorer.greater_is_better_internal else -1)
    rows = len(answers.truth)
    resampled = [
        _divide(compute_metric(scorer, reference.take(drawn)) - compute_metric(scorer, answers.take(drawn)), unit)
        for drawn in draw_resamples(rows, seed=seed)
    ]
    loss = _divide(other - value, unit)
    low, high = find_interval(loss, resampled, rows=rows)
    return QualityLoss(metric=str(scorer.name), value=value, reference=other, loss=loss, low=low, high=high)


def _divide(difference: float, unit: float) -> float:
    # No difference by a negative unit is -0.0, which a report would show as "-0 %".
    return difference / unit + 0.0
