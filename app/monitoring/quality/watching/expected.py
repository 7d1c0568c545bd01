"""What the last rows of a version lead one to expect of it, before any outcome has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app.monitoring.quality.estimating.estimate import EstimatedMetric, estimate_metrics
from app.monitoring.quality.measuring.metrics import choose_metrics, is_higher_better
from app.monitoring.quality.measuring.money import Money, count_money_of_cells
from app.monitoring.quality.measuring.pairs import find_positive
from app.monitoring.quality.measuring.values import OutcomeValues
from app.monitoring.quality.watching.expectations import ExpectedWindow
from app.monitoring.quality.watching.versions import Published


@dataclass(frozen=True, kw_only=True)
class ExpectedQuality:
    """Quality of a window of rows, estimated."""

    window: ExpectedWindow
    published: Published
    metrics: tuple[EstimatedMetric, ...]
    money: Money | None

    def to_document(self, checked: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
        """Args: checked: Estimates of rows whose outcomes have come, beside the truth."""
        quality, calibration = self.published.manifest.quality, self.published.calibration
        return {
            "rows": self.window.sums.rows,
            "metrics": [
                {
                    **asdict(metric),
                    "published": quality[metric.name].value if metric.name in quality else None,
                    "higher_is_better": is_higher_better(metric.name),
                }
                for metric in self.metrics
            ],
            "calibration": calibration and {"method": calibration.method, "rows": calibration.rows},
            "money": self.money and self.money.to_document(),
            "checked": checked or None,
        }


def expect_quality(window: ExpectedWindow, published: Published, values: OutcomeValues | None) -> ExpectedQuality:
    manifest = published.manifest
    positive = find_positive(manifest) if manifest.problem_type == "binary" else None
    return ExpectedQuality(
        window=window,
        published=published,
        metrics=tuple(estimate_metrics(choose_metrics(manifest), window.sums, positive=positive)),
        money=count_money_of_cells(values, manifest, window.sums.count_cells(positive)) if values else None,
    )
