"""Replaces workers that have answered enough: the next one is ready before the last one goes."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any

from config.survival.attendance import Attendance


@dataclass(frozen=True)
class _Change:
    """Attributes: since: No worker that is older than this is the one that was started for it."""

    tired: int
    since: int


class Relief:
    """One worker at a time: there is room for one model more, as there is at every activation."""

    def __init__(self, attendance: Attendance) -> None:
        self._attendance = attendance
        self._change: _Change | None = None

    def look(self, master: Any) -> None:
        """gunicorn's master calls this in each of its rounds, before it starts and ends workers."""
        if self._change is None:
            self._begin(master)
        elif self._change.tired not in master.WORKERS:
            master.num_workers -= 1
            self._change = None
        elif self._has_come(master, self._change.since):
            # In each round: told once, it might be told in a moment when it cannot hear.
            master.kill_worker(self._change.tired, signal.SIGTERM)

    def forget(self) -> None:
        """All workers are replaced anyway, and gunicorn has set their number anew."""
        self._change = None

    def _begin(self, master: Any) -> None:
        tired = [pid for pid, worker in master.WORKERS.items() if self._attendance.is_tired(worker.place)]
        if tired:
            self._change = _Change(tired[0], master.worker_age)
            master.num_workers += 1

    def _has_come(self, master: Any, since: int) -> bool:
        return any(
            worker.age > since and self._attendance.is_serving(worker.place) for worker in master.WORKERS.values()
        )
