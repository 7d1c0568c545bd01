"""Rows that are being computed, so that nobody computes them a second time meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from app.runtime.deadline import Deadline
from app.serving.cache.answers import Answer


class Flight:
    """The rows of one request that its thread is at.

    Attributes:
        answers: By name, complete when it has landed; what is missing then could not be computed.
        computed, found: How many of them the model computed, and how many were found in Redis.
    """

    def __init__(self) -> None:
        self.answers: dict[bytes, Answer] = {}
        self.computed = self.found = 0
        self._landed = threading.Event()

    def land(self) -> None:
        self._landed.set()

    def wait(self, deadline: Deadline) -> None:
        """Wait until it has landed.

        Raises:
            DeadlineExceeded: when that takes too long.
        """
        while not self._landed.wait(deadline.seconds_left()):
            deadline.require_time()


class Flights:
    """All that one process computes now.

    Who claims rows computes them first and waits for those of others afterwards: no two wait for each other.
    """

    def __init__(self) -> None:
        self._under_way: dict[bytes, Flight] = {}
        self._lock = threading.Lock()

    def claim(self, names: Iterable[bytes], flight: Flight) -> tuple[list[bytes], dict[bytes, Flight]]:
        """Take those rows that nobody computes; `end` has to follow. For the others, who does."""
        own, elsewhere = [], {}
        with self._lock:
            for name in names:
                other = self._under_way.setdefault(name, flight)
                if other is flight:
                    own.append(name)
                else:
                    elsewhere[name] = other
        return own, elsewhere

    def end(self, names: Iterable[bytes], flight: Flight) -> None:
        """Give rows back that were claimed, and wake who waits for them."""
        with self._lock:
            for name in names:
                del self._under_way[name]
        flight.land()
