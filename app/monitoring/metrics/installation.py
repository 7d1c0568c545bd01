"""What the database knows of the whole installation: what the watcher found, and switches of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func, select

from app.database import audit
from app.monitoring.metrics.findings import describe_drift, describe_quality, describe_watcher
from app.monitoring.snapshots import Snapshot, SnapshotKind, SnapshotStore, now_in_utc

# A version is a label: those that the watcher told of last.
MOST_VERSIONS = 5
_LOOKED_BACK = timedelta(days=7)
_MOST_READ = 10
_SWITCHED = ("model", "candidate")
_BEGUN = "started"
_FRESH = timedelta(seconds=5)


@dataclass(frozen=True)
class InstallationState:
    """Attributes: switches: Acts on what answers, by target, action and outcome, as the audit table has them."""

    drift: Sequence[Snapshot]
    quality: Sequence[Snapshot]
    estimates: Sequence[Snapshot]
    heartbeat: Snapshot | None
    switches: Mapping[tuple[str, str, str], int]


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
    """Reads at most every five seconds, however often it is asked."""

    def __init__(self, read: Callable[[], InstallationState], *, clock: Callable[[], datetime] = now_in_utc) -> None:
        self._read = read
        self._clock = clock
        self._known: tuple[InstallationState, datetime] | None = None

    def collect(self) -> Iterator[Metric]:
        state = self._read_rarely()
        yield _describe_switches(state.switches)
        yield from describe_drift(state.drift)
        yield from describe_quality(state.quality, state.estimates)
        if state.heartbeat is not None:
            yield from describe_watcher(state.heartbeat, self._clock())

    def _read_rarely(self) -> InstallationState:
        now = self._clock()
        if self._known is None or not timedelta(0) <= now - self._known[1] < _FRESH:
            self._known = (self._read(), now)
        return self._known[0]


def _take_last(snapshots: SnapshotStore, kind: SnapshotKind) -> tuple[Snapshot, ...]:
    """The last snapshot of each version."""
    by_version: dict[str | None, Snapshot] = {}
    for snapshot in snapshots.list(kind, since=now_in_utc() - _LOOKED_BACK, most=_MOST_READ):
        by_version.setdefault(snapshot.version, snapshot)
    return tuple(by_version.values())[:MOST_VERSIONS]


def _count_switches(database: Engine) -> dict[tuple[str, str, str], int]:
    named = (audit.c.target, audit.c.action, audit.c.outcome)
    statement = (
        select(*named, func.count())
        .where(audit.c.target.in_(_SWITCHED), audit.c.outcome != _BEGUN)
        .group_by(*named)
        .order_by(*named)
    )
    with database.connect() as connection:
        return {(target, action, outcome): count for target, action, outcome, count in connection.execute(statement)}


def _describe_switches(switches: Mapping[tuple[str, str, str], int]) -> Metric:
    metric = CounterMetricFamily(
        "gluonserve_activations",
        "Activations and rollbacks of the model, and trials of candidates, as the audit table has them.",
        labels=("target", "action", "outcome"),
    )
    for labels, count in switches.items():
        metric.add_metric(labels, count)
    return metric
