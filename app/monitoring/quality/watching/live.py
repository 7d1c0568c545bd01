"""What the last outcomes of a version say of it: metrics beside the published ones, and money."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from app.monitoring.quality.estimating.estimate import can_be_estimated, estimate_metric
from app.monitoring.quality.measuring.intervals import find_interval
from app.monitoring.quality.measuring.metrics import (
    choose_metrics,
    compute_metric,
    count_cells,
    is_higher_better,
)
from app.monitoring.quality.measuring.money import Money, count_money_of_cells, count_money_of_numbers
from app.monitoring.quality.measuring.pairs import Pairs, code_pairs
from app.monitoring.quality.measuring.values import OutcomeValues
from app.monitoring.quality.watching.expecting import MOST_CLASSES, sum_expectations
from app.monitoring.quality.watching.outcomes import Window
from app.monitoring.quality.watching.versions import Published
from app.release.manifest import Manifest


@dataclass(frozen=True, kw_only=True)
class LiveMetric:
    """A metric with its 95 % interval, beside what was published.

    Attributes:
        drop: By how much it is worse than published, in units of the metric; None where nothing was published.
    """

    name: str
    value: float
    low: float
    high: float
    published: float | None
    published_low: float | None
    published_high: float | None
    higher_is_better: bool
    drop: float | None


@dataclass(frozen=True, kw_only=True)
class LiveQuality:
    """Quality over a window of outcomes.

    Attributes:
        outcomes: How many the metrics rest on.
        unfit: Outcomes that this version could not have answered.
        checked: What would have been estimated without these outcomes, beside what is true: by metric.
    """

    window: Window
    outcomes: int
    unfit: int
    metrics: tuple[LiveMetric, ...]
    money: Money | None
    checked: dict[str, dict[str, float]]

    def to_document(self) -> dict[str, Any]:
        return {
            "outcomes": self.outcomes,
            "rows": self.outcomes,
            "unfit": self.unfit,
            "metrics": [asdict(metric) for metric in self.metrics],
            "money": self.money and self.money.to_document(),
        }


def measure_live_quality(window: Window, published: Published, values: OutcomeValues | None) -> LiveQuality:
    manifest = published.manifest
    pairs = code_pairs(manifest, window.told)
    metrics = tuple(_measure(name, pairs, manifest) for name in choose_metrics(manifest)) if len(pairs) else ()
    defined = tuple(metric for metric in metrics if metric is not None)
    return LiveQuality(
        window=window,
        outcomes=len(pairs),
        unfit=pairs.unfit,
        metrics=defined,
        money=_count_money(values, manifest, pairs) if values and len(pairs) else None,
        checked=_check_estimates(published, pairs, defined),
    )


def _measure(name: str, pairs: Pairs, manifest: Manifest) -> LiveMetric | None:
    value = compute_metric(name, pairs)
    if not math.isfinite(value):
        return None
    low, high = find_interval(name, value, pairs)
    known, higher = manifest.quality.get(name), is_higher_better(name)
    return LiveMetric(
        name=name,
        value=value,
        low=low,
        high=high,
        published=known.value if known else None,
        published_low=known.low if known else None,
        published_high=known.high if known else None,
        higher_is_better=higher,
        drop=None if known is None else (known.value - value) * (1 if higher else -1),
    )


def _check_estimates(
    published: Published, pairs: Pairs, metrics: tuple[LiveMetric, ...]
) -> dict[str, dict[str, float]]:
    """Estimate the same rows as if their outcomes were not known."""
    if pairs.probabilities is None or pairs.classes > MOST_CLASSES:
        return {}
    sums = sum_expectations(published, pairs.predicted, pairs.probabilities)
    positive = pairs.positive if pairs.problem_type == "binary" else None
    return {
        metric.name: {
            "estimated": estimate_metric(metric.name, sums, positive=positive),
            "true": metric.value,
            "outcomes": len(pairs),
        }
        for metric in metrics
        if can_be_estimated(metric.name)
    }


def _count_money(values: OutcomeValues, manifest: Manifest, pairs: Pairs) -> Money | None:
    if manifest.class_labels is None:
        return count_money_of_numbers(values, pairs)
    return count_money_of_cells(values, manifest, count_cells(pairs))
