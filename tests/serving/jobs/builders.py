"""Jobs of a tiny model, in a real database and real files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from sqlalchemy import Engine

from app.database import create_tables, open_database
from app.release.schema import Feature, FeatureSchema
from app.runtime.loading import LoadedRelease
from app.runtime.predictions import Predictions
from app.runtime.rows import TypedRow
from app.serving.formats.media_types import CSV
from app.serving.jobs.files import JobFiles
from app.serving.jobs.job import JobProgress
from app.serving.jobs.places import AllowedPlaces
from app.serving.jobs.service import JobOrder, JobService
from app.serving.jobs.store import JobStore
from app.serving.jobs.worker import JobWorker
from tests.manifests import make_manifest

KEY = "aaaaaaaa"
ROWS = 25
TABLE = b"visits\n" + b"".join(b"%d\n" % number for number in range(ROWS))
VISITS = Feature(name="visits", type="int", dtype="int64", nullable=False, minimum=0, maximum=90)


class Doubling:
    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        return Predictions([2.0 * float(row[0] or 0) for row in rows], None)


class Clock:
    """A time that passes when a test says so."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 30, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.moment

    def pass_seconds(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Woken:
    """Remembers who was to be woken for what."""

    def __init__(self) -> None:
        self.jobs: list[str] = []

    def wake(self, job_id: str) -> None:
        self.jobs.append(job_id)


@dataclass(frozen=True)
class Installation:
    """All that takes and does jobs in one place; a test adds the keys that are revoked."""

    store: JobStore
    files: JobFiles
    service: JobService
    woken: Woken
    clock: Clock
    revoked: set[str] = field(default_factory=set)

    def submit(self, table: bytes = TABLE, result_type: str = CSV) -> JobProgress:
        order = JobOrder(key_id=KEY, media_type=CSV, result_type=result_type)
        return self.service.submit_table(iter([table]), order)

    def make_worker(self, owner: str = "boot/1 1 1", *, most_bytes: int = 1_000_000) -> JobWorker:
        return JobWorker(
            self.store,
            self.files,
            load_version,
            is_revoked=self.revoked.__contains__,
            owner=owner,
            most_bytes=most_bytes,
            rows_of_part=10,
        )

    def find(self, id: str) -> JobProgress:
        return self.service.find(id, key_id=KEY)

    def read_result(self, id: str) -> bytes:
        path, _ = self.service.find_result(id, key_id=KEY)
        return path.read_bytes()


def load_version(version: str) -> LoadedRelease:
    manifest = make_manifest(version=version, problem_type="regression", class_labels=None)
    return LoadedRelease(manifest, FeatureSchema((VISITS,)), Doubling(), "plan")


def install(
    home: Path, *, database: Engine | None = None, places: Sequence[str] = (), most_unfinished: int = 100
) -> Installation:
    database = database or open_database(f"sqlite:///{home}/jobs.db")
    create_tables(database)
    clock, woken = Clock(), Woken()
    store, files = JobStore(database, now=clock), JobFiles(home / "jobs")
    service = JobService(
        store, files, woken, AllowedPlaces(places), name_version=lambda: "3", most_unfinished=most_unfinished
    )
    return Installation(store, files, service, woken, clock)


def expect_result(id: str) -> bytes:
    lines = [f"{id[:24]}-{number},{2.0 * number}\n" for number in range(ROWS)]
    return "".join(["prediction_id,prediction\n", *lines]).encode()
