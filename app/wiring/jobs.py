"""What takes jobs in the web role, and what does them in the worker role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine

from app.database import create_tables, opened_database
from app.monitoring.watcher.lease import describe_this_process, has_gone
from app.runtime.loading import LoadedRelease
from app.runtime.switching.active import ActiveRelease
from app.security.keys.store import KeyStore
from app.serving.jobs.files import JobFiles
from app.serving.jobs.places import AllowedPlaces
from app.serving.jobs.queue import SECONDS_OF_SENDERS, JobQueue, open_redis_queue, open_sqlite_queue
from app.serving.jobs.service import JobService
from app.serving.jobs.store import JobStore
from app.serving.jobs.upkeep import JobUpkeep
from app.serving.jobs.worker import JobWorker, LoadVersion
from app.wiring.store.choosing import choose_release
from config.settings import Settings, require_secret

_QUEUE = "jobs.db"
_BYTES_PER_MB = 1_000_000


@dataclass(frozen=True)
class JobRole:
    """What the worker role works with."""

    store: JobStore
    queue: JobQueue
    worker: JobWorker
    upkeep: JobUpkeep
    owner: str


def make_jobs(settings: Settings, active: ActiveRelease, database: Engine, queue: JobQueue) -> JobService:
    return JobService(
        JobStore(database),
        JobFiles(settings.jobs_path),
        queue,
        AllowedPlaces(settings.job_places or ()),
        name_version=lambda: active.require().manifest.version,
    )


def open_job_queue(settings: Settings, **options: Any) -> JobQueue:
    """Redis where there is one, with these options; else a file beside the database, for the workers of one machine."""
    secret = require_secret(settings)
    if settings.redis_url is not None:
        return open_redis_queue(settings.redis_url, secret=secret, **options)
    return open_sqlite_queue(settings.home / _QUEUE, secret=secret)


def open_sending_queue(settings: Settings) -> JobQueue:
    """For those who hand jobs in."""
    return open_job_queue(settings, timeout_seconds=SECONDS_OF_SENDERS)


@contextmanager
def opened_job_role(settings: Settings) -> Iterator[JobRole]:
    """What does jobs, with the database open as long as the block lasts.

    Raises:
        DatabaseError: when the database does not answer.
    """
    with opened_database(settings.database_url) as database:
        create_tables(database)
        store, files, queue = JobStore(database), JobFiles(settings.jobs_path), open_job_queue(settings)
        here = describe_this_process()
        keys = KeyStore(database, require_secret(settings))
        worker = JobWorker(
            store,
            files,
            remember_last(settings),
            is_revoked=lambda id: is_revoked(keys, id),
            owner=here.text,
            most_bytes=settings.job_max_mb * _BYTES_PER_MB,
        )
        upkeep = JobUpkeep(
            store,
            files,
            queue,
            keep=timedelta(hours=settings.job_keep_hours),
            has_gone=lambda owner: has_gone(owner, seen_from=here),
        )
        yield JobRole(store, queue, worker, upkeep, here.text)


def is_revoked(keys: KeyStore, id: str) -> bool:
    """One that has only expired, or was rotated, is not: nobody has said that it is not to be trusted."""
    key = keys.find(id)
    return key is None or key.revoked_at is not None


def remember_last(settings: Settings) -> LoadVersion:
    """Load a version when it is another one than before: jobs of one version mostly come one after the other."""
    held: list[LoadedRelease] = []

    def load(version: str) -> LoadedRelease:
        if not held or held[0].manifest.version != version:
            held.clear()
            held.append(choose_release(settings, version).load())
        return held[0]

    return load
