"""What the watcher found, as gauges: drift of features and predictions, live and estimated quality, its own state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client import Metric
from prometheus_client.metrics_core import GaugeMetricFamily

from app.monitoring.snapshots import Snapshot

# A feature is a label: the first ones of the watcher's ranking, which begins with the worst.
MOST_FEATURES = 100
MOST_METRICS = 20
MOST_PARTS = 20

_OF_FEATURE = {
    "psi": "Population stability index of a feature against training, in the last full window.",
    "level": "What drift of a feature amounts to: 0 none, 1 a warning, 2 an alarm.",
    "effect": "Effect size of the test that compares a feature with training.",
    "null_share": "Share of missing values of a feature.",
    "unseen_share": "Share of values of a feature that training never saw.",
    "out_of_range_share": "Share of numbers of a feature outside of what training saw.",
}
_OF_PREDICTIONS = {
    "psi": "Population stability index of the predictions, in the last full window.",
    "level": "What drift of the predictions amounts to: 0 none, 1 a warning, 2 an alarm.",
}
_OF_QUALITY = {
    "value": ("quality", "A metric over the true outcomes that came last."),
    "low": ("quality_low", "Lower end of the confidence interval of a live metric."),
    "high": ("quality_high", "Upper end of the confidence interval of a live metric."),
    "published": ("quality_published", "A metric when the version was published."),
    "drop": ("quality_drop", "How much worse the live metric is than the published one, in its own units."),
}


def describe_drift(snapshots: Iterable[Snapshot]) -> Iterator[Metric]:
    """Gauges of documents of the kind `drift`, at most one for each version."""
    features = {name: _make_gauge(f"drift_{name}", meaning, "feature") for name, meaning in _OF_FEATURE.items()}
    predictions = {name: _make_gauge(f"prediction_drift_{name}", meaning) for name, meaning in _OF_PREDICTIONS.items()}
    rows = _make_gauge("drift_rows", "Rows in the last full window of drift.")
    ended = _make_gauge(
        "drift_window_end_timestamp_seconds", "When the last full window of drift ended, in seconds since 1970."
    )
    for snapshot in snapshots:
        version, document = snapshot.version or "", snapshot.document
        _add(rows, (version,), document.get("rows"))
        _add(ended, (version,), snapshot.window_end.timestamp())
        for feature in document.get("features", ())[:MOST_FEATURES]:
            for name, gauge in features.items():
                _add(gauge, (feature["name"], version), feature.get(name))
        for name, gauge in predictions.items():
            _add(gauge, (version,), (document.get("predictions") or {}).get(name))
    yield from (*features.values(), *predictions.values(), rows, ended)


def describe_quality(measured: Iterable[Snapshot], estimated: Iterable[Snapshot]) -> Iterator[Metric]:
    """Gauges of documents of the kinds `quality` and `estimate`, at most one of each for each version."""
    gauges = {member: _make_gauge(name, meaning, "metric") for member, (name, meaning) in _OF_QUALITY.items()}
    outcomes = _make_gauge("quality_outcomes", "True outcomes that the live metrics rest on.")
    money = _make_gauge("quality_money", "Gain or cost of the window of outcomes by their declared values.", "currency")
    estimates = _make_gauge(
        "quality_estimated",
        "A metric, estimated without true outcomes from the probabilities that were answered.",
        "metric",
    )
    for snapshot in measured:
        version, document = snapshot.version or "", snapshot.document
        _add(outcomes, (version,), document.get("outcomes"))
        for metric in document.get("metrics", ())[:MOST_METRICS]:
            for member, gauge in gauges.items():
                _add(gauge, (metric["name"], version), metric.get(member))
        earned = document.get("money") or {}
        _add(money, (str(earned.get("currency", "")), version), earned.get("total"))
    for snapshot in estimated:
        for metric in snapshot.document.get("metrics", ())[:MOST_METRICS]:
            _add(estimates, (metric["name"], snapshot.version or ""), metric.get("value"))
    yield from (*gauges.values(), outcomes, money, estimates)


def describe_watcher(heartbeat: Snapshot, now: datetime) -> Iterator[Metric]:
    """Gauges of a document of the kind `watcher`."""
    document = heartbeat.document
    told = {
        "heartbeat_age_seconds": (
            "Since when the watcher has given no sign of life; it gives one in each of its cycles.",
            max(0.0, (now - heartbeat.window_end).total_seconds()),
        ),
        "lag_bytes": ("What the watcher has not read yet of the prediction log.", document.get("lag_bytes")),
        "lag_seconds": (
            "Age of the oldest line of the prediction log that the watcher has not read.",
            document.get("lag_seconds"),
        ),
        "cycle_seconds": ("What the last cycle of the watcher took.", document.get("cycle_seconds")),
    }
    for name, (meaning, value) in told.items():
        if value is not None:
            yield GaugeMetricFamily(f"gluonserve_monitor_{name}", meaning, value=value)
    failures = GaugeMetricFamily(
        "gluonserve_monitor_failures", "Failures of each part of the watcher, as it counts them.", labels=("part",)
    )
    for part, told_of in list(document.get("failures", {}).items())[:MOST_PARTS]:
        failures.add_metric((part,), told_of["count"])
    yield failures


def _make_gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"gluonserve_{name}", meaning, labels=(*labels, "version"))


def _add(gauge: GaugeMetricFamily, labels: tuple[str, ...], value: float | None) -> None:
    """What is not known has no sample: a 0 would be taken for one."""
    if value is not None:
        gauge.add_metric(labels, value)
