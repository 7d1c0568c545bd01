"""gunicorn's master, which here ends workers that have stopped, and does not start others faster than they can fail."""

from __future__ import annotations

import queue
import signal
import time
from typing import Any

from gunicorn.arbiter import Arbiter

from config.front.desk import Desk
from config.survival.survival import Survival

# A worker gives a sign of life every second.
_LEAST_SECONDS_OF_SILENCE = 2
_NO_EXIT_CODE = -1
_SECONDS_BETWEEN_LOOKS = 0.05
_MOST_SECONDS_BETWEEN_ROUNDS = 0.2


class Master(Arbiter):  # type: ignore[misc]
    """gunicorn has no setting for the class of its master: the first hook that it calls makes it one of these.

    Attributes:
        desk: What tells workers and doorman how far the end is.
        survival: What is known of workers that have ended.
        silent_after_seconds: When a worker that served counts as stopped; 0 never.
        drain_seconds: For how long everybody is still answered after the server was told to end.
    """

    # By these codes a worker would stop the whole server, and any library can end a process with them.
    WORKER_BOOT_ERROR = APP_LOAD_ERROR = _NO_EXIT_CODE

    desk: Desk
    survival: Survival
    silent_after_seconds: int
    drain_seconds: int

    def stop(self, graceful: bool = True) -> None:
        """gunicorn calls this at its end, to close the listening sockets and to have the workers end."""
        self.survival.finish()
        if graceful and self.WORKERS:
            self._drain()
        self.desk.shut()
        super().stop(graceful)

    def _drain(self) -> None:
        """Let whoever spreads the traffic see that this server is not ready, and take nothing from anybody yet."""
        patience = self.cfg.graceful_timeout
        seconds = min(self.drain_seconds, patience - 1)
        if seconds <= 0:
            return
        self.log.info("Draining: everybody is still answered for %s s, and /health/ready says 503.", seconds)
        self.desk.drain()
        until = time.monotonic() + seconds
        while self.WORKERS and time.monotonic() < until and not self._is_in_a_hurry():
            self.reap_workers()
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        self.cfg.set("graceful_timeout", patience - seconds)

    def _is_in_a_hurry(self) -> bool:
        try:
            return self.SIG_QUEUE.get_nowait() in (signal.SIGINT, signal.SIGQUIT)
        except queue.Empty:
            return False

    def wait_for_signals(self, timeout: float = 1.0) -> Any:
        """gunicorn calls this between two rounds: so much later than it could be a stopped worker is replaced."""
        return super().wait_for_signals(timeout=min(timeout, _MOST_SECONDS_BETWEEN_ROUNDS))

    def manage_workers(self) -> None:
        """gunicorn calls this in each round, to have as many workers as there should be."""
        self.survival.relief.look(self)
        super().manage_workers()

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
