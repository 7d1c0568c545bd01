"""Jobs as callers see them: handed in, looked at, ended, and their results."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

from app.errors import BadRequest, Conflict, NotFound, RateLimited
from app.serving.jobs.files import JobFiles
from app.serving.jobs.job import Job, JobPage, JobPosition, JobProgress
from app.serving.jobs.places import AllowedPlaces
from app.serving.jobs.store import JobStore
from app.serving.scoring.places import require_format

# Somebody who hands in more has a fault in a loop, or wants another way.
MOST_UNFINISHED = 100
_RETRY_SECONDS = 60


class Waker(Protocol):
    def wake(self, job_id: str) -> None:
        """Have some worker look at a job soon. Never raises."""


@dataclass(frozen=True, kw_only=True)
class JobOrder:
    """What a caller wants.

    Attributes:
        media_type: Of the table; None to tell it by its address.
        result_type: The media type of the result.
    """

    key_id: str
    media_type: str | None
    result_type: str


class JobService:
    """Args: name_version: Tells which version is active, or raises ModelNotReady."""

    def __init__(
        self,
        store: JobStore,
        files: JobFiles,
        waker: Waker,
        places: AllowedPlaces,
        *,
        name_version: Callable[[], str],
        most_unfinished: int = MOST_UNFINISHED,
    ) -> None:
        self._store = store
        self._files = files
        self._waker = waker
        self._places = places
        self._name_version = name_version
        self._most_unfinished = most_unfinished

    def submit_table(self, pieces: Iterable[bytes], order: JobOrder) -> JobProgress:
        """Take a table that is sent, piece by piece.

        Raises:
            ModelNotReady: when no version is active.
            RateLimited: when the key has too many jobs that have not ended.
            BadRequest: when nothing is sent.
        """
        job = self._make_job(order, address=None, media_type=str(order.media_type))
        if not self._files.receive(job.id, pieces):
            self._files.delete(job.id)
            raise BadRequest("The body is empty; a table is expected.")
        return self._submit(job)

    def submit_address(self, address: str, order: JobOrder) -> JobProgress:
        """Take a table that lies at an address.

        Raises:
            Forbidden: when that is in no allowed place.
            UnsupportedMediaType: when nothing tells its format.
            ModelNotReady, RateLimited: as for a table that is sent.
        """
        self._places.require(address)
        media_type = order.media_type or require_format(address.removesuffix(".gz").removesuffix(".zst"))
        return self._submit(self._make_job(order, address=address, media_type=media_type))

    def list_newest(self, *, key_id: str | None, before: JobPosition | None = None, most: int) -> JobPage:
        """Some jobs of a key, or for None of all keys, the newest first: those from a position on."""
        found = self._store.list_newest(key_id=key_id, before=before, most=most + 1)
        shown, are_more = found[:most], len(found) > most
        last = JobPosition(shown[-1].created_at, shown[-1].id) if are_more else None
        return JobPage(self._store.measure_all(shown), last)

    def find(self, id: str, *, key_id: str | None) -> JobProgress:
        """A job of this key, or for None of any.

        Raises:
            NotFound: when there is none.
        """
        job = self._store.find(id)
        if job is None or key_id not in (None, job.key_id):
            raise NotFound("There is no job with this id.", code="job_not_found")
        return self._store.measure(job)

    def end(self, id: str, *, key_id: str | None) -> JobProgress:
        """Cancel a job that goes on; of one that has ended, remove all that is kept. Found as `find` does."""
        progress = self.find(id, key_id=key_id)
        if not self._store.cancel(id):
            self._store.delete(id)
            self._files.delete(id)
            return progress
        self._files.delete(id)
        return self.find(id, key_id=key_id)

    def find_result(self, id: str, *, key_id: str) -> tuple[Path, Job]:
        """The file with the result.

        Raises:
            NotFound: when there is no such job of this key.
            Conflict: when it has no result yet, or will have none.
        """
        progress = self.find(id, key_id=key_id)
        if progress.state != "done":
            raise Conflict(f"The job has no result: it is {progress.state}.", code="job_not_done")
        return self._files.result(id), progress.job

    def _make_job(self, order: JobOrder, *, address: str | None, media_type: str) -> Job:
        if self._store.count_unfinished(order.key_id) >= self._most_unfinished:
            raise RateLimited(
                f"A key may have {self._most_unfinished} jobs that have not ended.", retry_after_seconds=_RETRY_SECONDS
            )
        return Job(
            id=uuid.uuid4().hex,
            key_id=order.key_id,
            version=self._name_version(),
            address=address,
            media_type=media_type,
            result_type=order.result_type,
            created_at=datetime.now(timezone.utc),
        )

    def _submit(self, job: Job) -> JobProgress:
        self._store.add(job)
        self._waker.wake(job.id)
        return self._store.measure(job)
