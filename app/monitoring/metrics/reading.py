"""What may be slow to look up is waited for a little only, whatever hangs: a database, a disk, a system call."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

MOST_WAIT_SECONDS = 0.5
TOO_OLD_SECONDS = 60.0

Value = TypeVar("Value")


class NotInTime(Exception):
    """The reading goes on; who asks later gets its value."""


class ReadingFailed(Exception):
    """There is no value that is new enough to be shown."""


@dataclass(frozen=True)
class Known(Generic[Value]):
    """A value, and the moment of the clock when it was there."""

    value: Value
    at: float


class BoundedReading(Generic[Value]):
    """Calls `read` in a thread of its own, never twice at once."""

    def __init__(
        self,
        read: Callable[[], Value],
        *,
        most_wait_seconds: float = MOST_WAIT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._most_wait_seconds = most_wait_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: Future[Value] | None = None
        self._known: Known[Value] | None = None

    def read(self) -> Value:
        """A value that was read since now; of a reading that somebody else waits for already, its value.

        Raises:
            NotInTime: when it takes too long.
            Exception: what `read` raises.
        """
        with self._lock:
            if self._under_way is None or self._under_way.done():
                self._under_way = self._begin()
            reading = self._under_way
        if not wait((reading,), self._most_wait_seconds).done:
            raise NotInTime("There was no answer in time.")
        return reading.result()

    def recall(self, within_seconds: float) -> Known[Value] | None:
        """The last value that was read, also after whoever asked for it had gone; None when it is older than that."""
        known = self._known
        return known if known is not None and self._clock() - known.at < within_seconds else None

    def _begin(self) -> Future[Value]:
        reading: Future[Value] = Future()
        # No pool: its threads are waited for at the end of the process, and this one may never end.
        threading.Thread(target=self._run, args=(reading,), name="reading-for-metrics", daemon=True).start()
        return reading

    def _run(self, reading: Future[Value]) -> None:
        try:
            value = self._read()
        except Exception as fault:
            reading.set_exception(fault)
        else:
            self._known = Known(value, self._clock())
            reading.set_result(value)


class RareReading(Generic[Value]):
    """Reads at most every few seconds, however often it is asked.

    Fallback: while reading takes too long or fails, the last value is given until it is `too_old_seconds` old.
    """

    def __init__(
        self,
        read: Callable[[], Value],
        *,
        fresh_seconds: float = 5.0,
        most_wait_seconds: float = MOST_WAIT_SECONDS,
        too_old_seconds: float = TOO_OLD_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reading = BoundedReading(read, most_wait_seconds=most_wait_seconds, clock=clock)
        self._fresh_seconds = fresh_seconds
        self._too_old_seconds = too_old_seconds

    def get(self) -> Value:
        """Raises ReadingFailed when there is nothing that is new enough."""
        fresh = self._reading.recall(self._fresh_seconds)
        if fresh is not None:
            return fresh.value
        try:
            return self._reading.read()
        except Exception as fault:
            known = self._reading.recall(self._too_old_seconds)
            if known is None:
                raise ReadingFailed("It could not be read, or not in time.") from fault
            return known.value
