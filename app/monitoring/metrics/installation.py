"""What the database knows of the whole installation: drift, quality, the watcher's signs of life, switches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func, select

from app.database import audit
from app.monitoring.metrics.reading import RareReading
from app.monitoring.snapshots import Snapshot, SnapshotStore, now_in_utc

# A feature is a label: the first ones of the watcher's ranking, of the versions that it told of last.
MOST_FEATURES, MOST_VERSIONS = 100, 5
_TARGET_OF_SWITCHES = "model"
_LOOKED_BACK = timedelta(days=7)
_MOST_READ = 50
_LEVELS = {"none": 0, "warning": 1, "alarm": 2}
_SHARES = ("null_share", "unseen_share", "out_of_range_share")


@dataclass(frozen=True)
class InstallationState:
    """Attributes: switches: Acts on the active version by action and outcome, as the audit table has them."""

    drift: Sequence[Snapshot]
    quality: Sequence[Snapshot]
    estimates: Sequence[Snapshot]
    heartbeat: Snapshot | None
    switches: Mapping[tuple[str, str], int]


def read_installation(database: Engine, snapshots: SnapshotStore) -> InstallationState:
    """Raises what a database raises that does not answer."""
    return InstallationState(
        drift=_take_last(snapshots, "drift"),
        quality=_take_last(snapshots, "quality"),
        estimates=_take_last(snapshots, "estimate"),
        heartbeat=snapshots.latest("watcher"),
        switches=_count_switches(database),
    )


class InstallationCollector(Collector):
    """Reads the database at most every few seconds. What it does not answer is missing from the page."""

    def __init__(self, read: RareReading[InstallationState], *, clock: Callable[[], datetime] = now_in_utc) -> None:
        self._read = read
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        state = self._read.get()
        yield _describe_switches(state.switches)
        yield from _describe_drift(state.drift)
        yield from _describe_quality(state.quality, state.estimates)
        if state.heartbeat is not None:
            yield from self._describe_watcher(state.heartbeat)

    def _describe_watcher(self, heartbeat: Snapshot) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "gluonserve_monitor_heartbeat_age_seconds",
            "Since when the watcher has given no sign of life; it gives one every 10 seconds.",
            value=max(0.0, (self._clock() - heartbeat.window_end).total_seconds()),
        )
        yield GaugeMetricFamily(
            "gluonserve_monitor_lag_bytes",
            "What the watcher has not read yet of the prediction log.",
            value=heartbeat.document.get("lag_bytes", 0),
        )


def _take_last(snapshots: SnapshotStore, kind: Any) -> tuple[Snapshot, ...]:
    """The last snapshot of each version."""
    by_version: dict[str | None, Snapshot] = {}
    for snapshot in snapshots.list(kind, since=now_in_utc() - _LOOKED_BACK, most=_MOST_READ):
        by_version.setdefault(snapshot.version, snapshot)
    return tuple(by_version.values())[:MOST_VERSIONS]


def _count_switches(database: Engine) -> dict[tuple[str, str], int]:
    statement = (
        select(audit.c.action, audit.c.outcome, func.count())
        .where(audit.c.target == _TARGET_OF_SWITCHES)
        .group_by(audit.c.action, audit.c.outcome)
    )
    with database.connect() as connection:
        return {(action, outcome): count for action, outcome, count in connection.execute(statement)}


def _describe_switches(switches: Mapping[tuple[str, str], int]) -> Metric:
    metric = CounterMetricFamily(
        "gluonserve_activations",
        "Switches of the active version, as the audit table has them.",
        labels=("action", "outcome"),
    )
    for (action, outcome), count in switches.items():
        metric.add_metric((action, outcome), count)
    return metric


def _describe_drift(snapshots: Iterable[Snapshot]) -> Iterator[Metric]:
    psi = _make_gauge("drift_psi", "Population stability index against training, in the last window.", "feature")
    level = _make_gauge("drift_level", "What the drift amounts to: 0 none, 1 a warning, 2 an alarm.", "feature")
    shares = {name: _make_gauge(f"drift_{name}", f"{name.replace('_', ' ')} of values.", "feature") for name in _SHARES}
    predictions = _make_gauge("prediction_drift_psi", "The same index of the predictions.")
    rows = _make_gauge("drift_rows", "Rows in the last window.")
    for snapshot in snapshots:
        version, document = snapshot.version or "", snapshot.document
        rows.add_metric((version,), document.get("rows", 0))
        for feature in document.get("features", ())[:MOST_FEATURES]:
            labels = (feature["name"], version)
            _add(psi, labels, feature.get("psi"))
            _add(level, labels, _LEVELS.get(feature.get("level")))
            for name, gauge in shares.items():
                _add(gauge, labels, feature.get(name))
        _add(predictions, (version,), (document.get("predictions") or {}).get("psi"))
    yield from (psi, level, *shares.values(), predictions, rows)


def _describe_quality(measured: Iterable[Snapshot], estimated: Iterable[Snapshot]) -> Iterator[Metric]:
    live = _make_gauge("quality", "A metric over the true outcomes that came last.", "metric")
    published = _make_gauge("quality_published", "The same metric when the version was published.", "metric")
    outcomes = _make_gauge("quality_outcomes", "True outcomes that the live metrics rest on.")
    estimate = _make_gauge("quality_estimated", "A metric estimated without true outcomes.", "metric")
    for snapshot in measured:
        version = snapshot.version or ""
        _add(outcomes, (version,), snapshot.document.get("outcomes"))
        for name, values in (snapshot.document.get("metrics") or {}).items():
            _add(live, (name, version), values.get("value"))
            _add(published, (name, version), values.get("published"))
    for snapshot in estimated:
        labels = (str(snapshot.document.get("metric", "")), snapshot.version or "")
        _add(estimate, labels, snapshot.document.get("value"))
    yield from (live, published, outcomes, estimate)


def _make_gauge(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"gluonserve_{name}", meaning, labels=(*labels, "version"))


def _add(gauge: GaugeMetricFamily, labels: tuple[str, ...], value: float | None) -> None:
    if value is not None:
        gauge.add_metric(labels, value)
