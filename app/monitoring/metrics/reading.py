"""What is slow to look up is looked up rarely, and nobody waits long for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from typing import Generic, TypeVar

Value = TypeVar("Value")


class ReadingFailed(Exception):
    """There is no value that is new enough to be shown."""


class RareReading(Generic[Value]):
    """Calls `read` in a thread of its own, never twice at once, and keeps the value for some seconds.

    Fallback: while it takes longer than `most_wait_seconds` or fails, the last value is given until it is
    `too_old_seconds` old. The reading goes on meanwhile, and the next one who asks gets its result.
    """

    def __init__(
        self,
        read: Callable[[], Value],
        *,
        fresh_seconds: float = 5.0,
        most_wait_seconds: float = 0.5,
        too_old_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._fresh_seconds = fresh_seconds
        self._most_wait_seconds = most_wait_seconds
        self._too_old_seconds = too_old_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: Future[tuple[Value, float]] | None = None
        self._known: tuple[Value, float] | None = None

    def get(self) -> Value:
        """Raises ReadingFailed when there is nothing that is new enough."""
        if self._known is None or self._clock() - self._known[1] >= self._fresh_seconds:
            self._refresh()
        if self._known is None or self._clock() - self._known[1] >= self._too_old_seconds:
            raise ReadingFailed("There was no answer in time.")
        return self._known[0]

    def _refresh(self) -> None:
        with self._lock:
            reading = self._under_way = self._under_way or self._begin()
        try:
            self._known = reading.result(self._most_wait_seconds)
        except NotInTime:
            return
        except Exception as fault:
            self._forget(reading)
            if self._known is None:
                raise ReadingFailed("It could not be read.") from fault
            return
        self._forget(reading)

    def _begin(self) -> Future[tuple[Value, float]]:
        # A pool for each: nothing is kept running between readings.
        pool = ThreadPoolExecutor(1, thread_name_prefix="metrics")
        reading = pool.submit(lambda: (self._read(), self._clock()))
        pool.shutdown(wait=False)
        return reading

    def _forget(self, reading: Future[tuple[Value, float]]) -> None:
        with self._lock:
            if self._under_way is reading:
                self._under_way = None
