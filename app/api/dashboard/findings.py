"""Reads all that the page shows, and says what could not be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.api.dashboard.ranges import TimeRange
from app.errors import ReleaseUnusable, Unavailable
from app.monitoring.snapshots import Snapshot, SnapshotKind, SnapshotStore, now_in_utc
from app.release.candidate import CandidatePointer, read_candidate
from app.release.manifest import Manifest
from app.release.store import ReleaseStore
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.workers import WorkerState, list_live_workers
from app.security.audit import AuditEntry, AuditLog
from app.serving.jobs.job import JobProgress
from app.serving.jobs.service import JobService
from app.serving.rollout.versions import VersionList, describe_versions

MOST_ALERTS = 500
MOST_ACTS = 30
MOST_JOBS = 10
_SYSTEM_LENGTH = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What was read at a moment. Snapshots of a kind stand newest first.

    Attributes:
        model: What the active release says of itself; None when none is loaded.
        drift, quality, estimates: Of each version that is watched, the newest.
        is_database_silent: Whether the database gave no answer: all that comes from it is then empty.
    """

    now: datetime
    range: TimeRange
    model: Manifest | None
    execution: str | None
    versions: VersionList
    candidate: CandidatePointer | None
    workers: tuple[WorkerState, ...]
    traffic: Sequence[Snapshot] = ()
    drift: tuple[Snapshot, ...] = ()
    quality: tuple[Snapshot, ...] = ()
    estimates: tuple[Snapshot, ...] = ()
    alerts: Sequence[Snapshot] = ()
    system: Sequence[Snapshot] = ()
    watcher: Snapshot | None = None
    acts: tuple[AuditEntry, ...] = ()
    jobs: Sequence[JobProgress] = ()
    is_database_silent: bool = False

    def list_watched_versions(self) -> list[str]:
        """What answers, and what is on trial beside it."""
        answering = self.versions.active if self.model is None else self.model.version
        candidate = None if self.candidate is None else self.candidate.version
        return [version for version in (answering, candidate) if version is not None]


class FindingsReader:
    """Reads the snapshots, the audit table, the jobs and the model store. Nothing is changed, nothing is kept.

    Fallback: when the database does not answer, the page is made of what lies in files, and says so. It is asked no
    second time for the same page: each of its silences takes seconds.
    """

    def __init__(
        self,
        *,
        active: ActiveRelease,
        snapshots: SnapshotStore,
        audit: AuditLog,
        jobs: JobService,
        clock: Callable[[], datetime] = now_in_utc,
    ) -> None:
        self._active = active
        self._snapshots = snapshots
        self._audit = audit
        self._jobs = jobs
        self._clock = clock

    def read(self, range: TimeRange) -> Findings:
        found = self._read_files(range)
        try:
            return self._read_database(found)
        except Unavailable:
            return replace(found, is_database_silent=True)

    def _read_files(self, range: TimeRange) -> Findings:
        store: ReleaseStore = self._active.slots.store
        release = self._active.current
        return Findings(
            now=self._clock(),
            range=range,
            model=None if release is None else release.manifest,
            execution=None if release is None else release.execution,
            versions=describe_versions(store),
            candidate=self._find_candidate(),
            workers=tuple(list_live_workers(store.path).values()),
        )

    def _read_database(self, found: Findings) -> Findings:
        snapshots, range = self._snapshots, found.range
        # The step that was running when the range began is shown too.
        since = found.now - range.length - range.step
        return replace(
            found,
            watcher=snapshots.latest("watcher"),
            traffic=snapshots.list(range.kind, since=since),
            drift=self._read_by_version("drift", found),
            quality=self._read_by_version("quality", found),
            estimates=self._read_by_version("estimate", found),
            alerts=snapshots.list("alert", most=MOST_ALERTS),
            system=snapshots.list("system", since=found.now - _SYSTEM_LENGTH),
            acts=self._audit.list(most=MOST_ACTS),
            jobs=self._jobs.list_newest(key_id=None, most=MOST_JOBS).jobs,
        )

    def _read_by_version(self, kind: SnapshotKind, found: Findings) -> tuple[Snapshot, ...]:
        newest = (self._snapshots.latest(kind, version=version) for version in found.list_watched_versions())
        return tuple(snapshot for snapshot in newest if snapshot is not None)

    def _find_candidate(self) -> CandidatePointer | None:
        try:
            return read_candidate(self._active.slots.store.path)
        except ReleaseUnusable:
            return None
