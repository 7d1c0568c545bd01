"""What keeps jobs going and rooms clean: jobs that wait are told of anew, what nobody needs any more is removed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from app.errors import Unavailable
from app.serving.jobs.files import JobFiles
from app.serving.jobs.service import Waker
from app.serving.jobs.store import JobStore

logger = logging.getLogger(__name__)

# A table that is being sent has files and is no job yet.
_IDLE_SECONDS = 3600.0


class JobUpkeep:
    """Any number of workers may do it, and at the same time."""

    def __init__(
        self,
        store: JobStore,
        files: JobFiles,
        waker: Waker,
        *,
        keep: timedelta,
        has_gone: Callable[[str], bool],
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        """Args: keep: For how long a job is kept after its end; has_gone: Tells of an owner whether it is no more."""
        self._store = store
        self._files = files
        self._waker = waker
        self._keep = keep
        self._has_gone = has_gone
        self._now = now

    def sweep(self) -> None:
        """Never raises for a database that does not answer: the next sweep will do."""
        try:
            self._store.give_back(self._has_gone)
            for id in self._store.list_waiting():
                self._waker.wake(id)
            for id in self._store.list_ended_before(self._now() - self._keep):
                self._files.delete(id)
                self._store.delete(id)
            self._remove_orphans()
        except Unavailable as fault:
            logger.warning("Jobs were not looked after. %s", fault.detail)

    def _remove_orphans(self) -> None:
        """What a crash left, and what was written while a job was cancelled."""
        for id in self._files.list_jobs():
            job = self._store.find(id)
            is_needed = job is not None and job.outcome in (None, "done")
            if not is_needed and self._files.measure_idleness(id) > _IDLE_SECONDS:
                self._files.delete(id)
