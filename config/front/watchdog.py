"""Which predictions hang: by how long they have been under way, and where their threads are."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

_DEADLINES = 2
_FRAMES_SHOWN = 4

# By the thread's identifier: since when a prediction is under way and when its answer is due.
Started = Mapping[int, tuple[float, float]]


class Watchdog:
    """Args: limit_seconds: A prediction hangs when it takes longer than this and than twice what it was given."""

    def __init__(self, started: Started, *, limit_seconds: float) -> None:
        self._started = started
        self._limit_seconds = limit_seconds

    def find_hung(self) -> list[int]:
        """The threads whose predictions hang."""
        now = time.monotonic()
        return [thread for thread, (begun, due) in list(self._started.items()) if now > self._find_end(begun, due)]

    def measure_seconds(self, thread: int) -> float:
        """For how long a thread has been at its prediction; 0 when it is at none."""
        begun, _ = self._started.get(thread, (time.monotonic(), 0.0))
        return time.monotonic() - begun

    def _find_end(self, begun: float, due: float) -> float:
        given = due - begun if due < float("inf") else 0.0
        return begun + max(self._limit_seconds, _DEADLINES * given)


class NoWatchdog(Watchdog):
    """Lets predictions take for ever."""

    def __init__(self) -> None:
        super().__init__({}, limit_seconds=float("inf"))


def describe_place(thread: int) -> str:
    """Where a thread is now, on one line, the innermost call first. No values."""
    frame = sys._current_frames().get(thread)
    calls = traceback.extract_stack(frame)[::-1][:_FRAMES_SHOWN] if frame else []
    return ", called by ".join(f"{call.name} ({Path(call.filename).name}:{call.lineno})" for call in calls)
