"""Figures: what the watcher measured at a moment, each a name, a value and what it is of. Alert rules judge them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

FIGURES: Mapping[str, str] = {
    "requests_per_minute": "requests to the prediction routes in the last full minute",
    "rows_per_minute": "rows that were predicted in the last full minute",
    "error_share": "share of requests answered with 500 or more other than 503, over the last 5 minutes",
    "refused_share": "share of requests refused with 429 or 503, over the last 5 minutes",
    "latency_p50_ms": "median time of an answered prediction, in milliseconds, over the last 5 minutes",
    "latency_p99_ms": "time within which 99 % of the answered predictions were made, over the last 5 minutes",
    "warning_share": "warnings for each predicted row, over the last 5 minutes",
    "lost_log_lines": "lines that the prediction log lost in the last 5 minutes",
    "drift_psi": "population stability index of a feature in the last full window",
    "drift_level": "what drift of a feature amounts to: 0 none, 1 warning, 2 alarm",
    "prediction_drift_psi": "population stability index of the predictions in the last full window",
    "null_share": "share of missing values of a feature in the last full window",
    "unseen_share": "share of values that training never saw, of a feature in the last full window",
    "out_of_range_share": "share of numbers outside of what training saw, of a feature in the last full window",
    "money_per_window": "gain or cost by the declared values of outcomes, in the last window of outcomes",
    "cpu_percent": "processor time in use, of what this machine or container may use",
    "memory_percent": "memory in use, of what this machine or container may use",
    "disk_free_percent": "free space where the state is kept",
    "seconds_since_prediction": "seconds since the last request that was predicted",
    "golden_failed_workers": "workers whose last golden row came out wrong, or not at all",
    "stand_in_workers": "workers that answer with another version because they cannot load the active one",
    "workers_ready": "workers that answer predictions",
    "watcher_lag_seconds": "age of the oldest line of the prediction log that the watcher has not read",
    "watcher_failures": "failures of parts of the watcher in its last cycle",
    "undelivered_alerts": "messages of alerts that no destination has taken yet",
    "failing_destinations": "destinations of alerts that did not take the last message they were offered",
    "unwatched_seconds": "for how long nobody had watched when this watcher began; 0 after a quarter of an hour",
}
"""Every figure with a fixed name, and what it is."""

FIGURE_FAMILIES: Mapping[str, str] = {
    "quality_drop_": "published value of a metric minus the live one, in units of the metric; above 0 is worse",
    "quality_": "a metric over the true outcomes that came last",
    "estimated_": "a metric, estimated without outcomes from the probabilities that were answered",
}
"""Beginnings of names that end with the name of a metric, as in `quality_accuracy`."""


@dataclass(frozen=True)
class Figure:
    """A measured value.

    Attributes:
        labels: What it is of: a feature, a version.
        at: When it was true.
    """

    name: str
    value: float
    at: datetime
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not is_figure(self.name):
            raise ValueError(f"{self.name} is not a figure: add it to FIGURES.")


def is_figure(name: str) -> bool:
    """Tell whether figures of this name can exist."""
    return name in FIGURES or any(name.startswith(start) and name != start for start in FIGURE_FAMILIES)
