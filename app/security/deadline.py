"""Calls that must not hold their caller for longer than agreed, whatever they wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class NoAnswerInTime(Exception):
    """The call did not end in time, or too many before it have not ended yet."""


class BoundedCalls:
    """Runs each call on a thread of its own, so that one that hangs can be left behind; at most so many at once.

    Database drivers bound how long they connect, not how long they wait: a frozen server would hold callers for ever.
    """

    def __init__(self, max_at_once: int) -> None:
        self._free = threading.BoundedSemaphore(max_at_once)

    def run(self, call: Callable[[], Result], *, seconds: float) -> Result:
        """Return what the call returns, or raise what it raises.

        Raises:
            NoAnswerInTime
        """
        if not self._free.acquire(timeout=seconds):
            raise NoAnswerInTime("too many calls are waiting for an answer")
        attempt = _Attempt(call, self._free)
        try:
            attempt.start()
        except RuntimeError:
            self._free.release()
            raise NoAnswerInTime("no thread is left to call from") from None
        attempt.join(seconds)
        return attempt.outcome()


class _Attempt(threading.Thread, Generic[Result]):
    def __init__(self, call: Callable[[], Result], free: threading.BoundedSemaphore) -> None:
        super().__init__(name="bounded-call", daemon=True)
        self._call = call
        self._free = free
        self._results: list[Result] = []
        self._fault: BaseException | None = None

    def run(self) -> None:
        try:
            self._results.append(self._call())
        except BaseException as fault:  # Whatever it is belongs to the caller's thread, not to this one.
            self._fault = fault
        finally:
            self._free.release()

    def outcome(self) -> Result:
        if self._fault is not None:
            raise self._fault
        if not self._results:
            raise NoAnswerInTime("no answer in time")
        return self._results[0]
