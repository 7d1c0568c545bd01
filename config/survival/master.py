"""gunicorn's master, which here ends workers that have stopped, and does not start others faster than they can fail."""

from __future__ import annotations

import signal
import time
from typing import Any

from gunicorn.arbiter import Arbiter

from config.survival.survival import Survival

# A worker gives a sign of life every second.
_LEAST_SECONDS_OF_SILENCE = 2
_NO_EXIT_CODE = -1


class Master(Arbiter):  # type: ignore[misc]
    """gunicorn has no setting for the class of its master: the first hook that it calls makes it one of these.

    Attributes:
        survival: What is known of workers that have ended.
        silent_after_seconds: When a worker that served counts as stopped; 0 never.
    """

    # By these codes a worker would stop the whole server, and any library can end a process with them.
    WORKER_BOOT_ERROR = APP_LOAD_ERROR = _NO_EXIT_CODE

    survival: Survival
    silent_after_seconds: int

    def spawn_workers(self) -> None:
        """gunicorn calls this in each round that finds too few."""
        if self.survival.pace.may_begin(time.monotonic()):
            super().spawn_workers()

    def murder_workers(self) -> None:
        """gunicorn calls this in each round, and ends workers that are silent for longer than a boot may take."""
        super().murder_workers()
        if not self.silent_after_seconds:
            return
        limit = max(self.silent_after_seconds, _LEAST_SECONDS_OF_SILENCE)
        for pid, worker in list(self.WORKERS.items()):
            if self.survival.attendance.is_serving(worker.place) and _count_silent_seconds(worker) > limit:
                self.log.error("Worker (pid:%s) has stopped: no sign of life for %s s. It is replaced.", pid, limit)
                self.kill_worker(pid, signal.SIGKILL)


def _count_silent_seconds(worker: Any) -> float:
    try:
        return time.monotonic() - float(worker.tmp.last_update())
    except (OSError, ValueError):
        return 0.0
