"""Where the workers of one server share what they count: made by gunicorn's master, with a slot for each worker."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from prometheus_client.multiprocess import mark_process_dead

_NAME = "gluonserve-metrics-"
_LOCK = "lock"
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it, by a name that nobody can foresee


class MetricsFiles:
    """A new directory, in memory where that can be: a full or slow disk must not stop a worker that counts.

    A slot is the name of a worker's files. It passes to the next worker when its own has ended, who goes on counting
    from where that stood: totals never fall, and there are as many files as there were workers at once.

    Attributes:
        path: The directory.
    """

    def __init__(self, home: Path, *, shared_memory: Path = _SHARED_MEMORY) -> None:
        parent = shared_memory if os.access(shared_memory, os.W_OK) else home / "metrics"
        parent.mkdir(parents=True, exist_ok=True)
        _remove_left_behind(parent)
        self.path = Path(tempfile.mkdtemp(prefix=_NAME, dir=parent))
        # Held until the last process that has inherited it is gone.
        self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._slots: dict[int, int] = {}

    def take_slot(self, worker: int) -> int:
        """Give a worker, known by a number of its own, the first slot that is free."""
        taken = set(self._slots.values())
        slot = next(number for number in range(len(taken) + 1) if number not in taken)
        self._slots[worker] = slot
        return slot

    def free_slot(self, worker: int) -> None:
        """The worker has ended: its counts stay, what it said of its present does not."""
        slot = self._slots.pop(worker, None)
        if slot is not None:
            mark_process_dead(slot, str(self.path))  # type: ignore[no-untyped-call]

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_left_behind(parent: Path) -> None:
    """Remove the directories of servers that were killed: nobody holds their locks."""
    for directory in parent.glob(f"{_NAME}*"):
        try:
            with (directory / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(directory, ignore_errors=True)
        except OSError:  # Still in use, somebody else's, or just being made.
            continue
