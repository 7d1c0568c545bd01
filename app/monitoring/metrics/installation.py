"""What the database knows of the whole installation: what the watcher found, switches of the model, and jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine, case, exists, func, select

from app.database import audit, job_counts, job_steps, jobs
from app.monitoring.metrics.findings import describe_drift, describe_quality, describe_watcher
from app.monitoring.snapshots import Snapshot, SnapshotKind, SnapshotStore, now_in_utc

# A version is a label: those that the watcher told of last.
MOST_VERSIONS = 5
_LOOKED_BACK = timedelta(days=7)
_MOST_READ = 10
_SWITCHED = ("model", "candidate")
_BEGUN = "started"
_OUTCOMES_OF_JOBS = ("done", "failed", "cancelled")
_ROWS_OF_JOBS = "rows"
_FRESH = timedelta(seconds=5)


@dataclass(frozen=True)
class JobsState:
    """Jobs that have not ended, and what has become of all others.

    Attributes:
        waiting_since: When the oldest one was handed in that no worker has begun.
        ended: How many jobs ended in each way since there are any.
        rows: How many rows were scored for jobs since there are any.
    """

    queued: int = 0
    running: int = 0
    waiting_since: datetime | None = None
    ended: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0


@dataclass(frozen=True)
class InstallationState:
    """Attributes: switches: Acts on what answers, by target, action and outcome, as the audit table has them."""

    drift: Sequence[Snapshot]
    quality: Sequence[Snapshot]
    estimates: Sequence[Snapshot]
    heartbeat: Snapshot | None
    switches: Mapping[tuple[str, str, str], int]
    jobs: JobsState


def read_installation(database: Engine, snapshots: SnapshotStore) -> InstallationState:
    """Raises what a database raises that does not answer."""
    return InstallationState(
        drift=_take_last(snapshots, "drift"),
        quality=_take_last(snapshots, "quality"),
        estimates=_take_last(snapshots, "estimate"),
        heartbeat=snapshots.latest("watcher"),
        switches=_count_switches(database),
        jobs=_count_jobs(database),
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
        yield from _describe_jobs(state.jobs, self._clock())
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


def _count_jobs(database: Engine) -> JobsState:
    is_begun = exists().where(job_steps.c.job_id == jobs.c.id, job_steps.c.claimed_at.is_not(None))
    unfinished = select(jobs.c.created_at, case((is_begun, 1), else_=0).label("begun"))
    found = unfinished.where(jobs.c.outcome.is_(None)).subquery()
    waiting_since = func.min(found.c.created_at).filter(found.c.begun == 0)
    with database.connect() as connection:
        total, running, oldest = connection.execute(
            select(func.count(), func.coalesce(func.sum(found.c.begun), 0), waiting_since).select_from(found)
        ).one()
        counted = {row.name: row.total for row in connection.execute(select(job_counts))}
    rows = counted.pop(_ROWS_OF_JOBS, 0)
    return JobsState(queued=total - running, running=running, waiting_since=oldest, ended=counted, rows=rows)


def _describe_jobs(state: JobsState, now: datetime) -> Iterator[Metric]:
    unfinished = GaugeMetricFamily(
        "gluonserve_jobs", "Jobs that have not ended, by whether a worker has begun them.", labels=("state",)
    )
    unfinished.add_metric(("queued",), state.queued)
    unfinished.add_metric(("running",), state.running)
    yield unfinished
    waited = timedelta(0) if state.waiting_since is None else now - state.waiting_since
    yield GaugeMetricFamily(
        "gluonserve_job_longest_wait_seconds",
        "Since when the oldest of the jobs waits that no worker has begun; 0 when there is none.",
        value=max(0.0, waited.total_seconds()),
    )
    ended = CounterMetricFamily("gluonserve_jobs_ended", "Jobs that have ended, by how.", labels=("outcome",))
    for outcome in _OUTCOMES_OF_JOBS:
        ended.add_metric((outcome,), state.ended.get(outcome, 0))
    yield ended
    yield CounterMetricFamily("gluonserve_job_rows", "Rows that were scored for jobs.", value=state.rows)


def _describe_switches(switches: Mapping[tuple[str, str, str], int]) -> Metric:
    metric = CounterMetricFamily(
        "gluonserve_activations",
        "Activations and rollbacks of the model, and trials of candidates, as the audit table has them.",
        labels=("target", "action", "outcome"),
    )
    for labels, count in switches.items():
        metric.add_metric(labels, count)
    return metric
