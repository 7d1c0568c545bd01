"""When requests are due: at once when the last one is answered, or at a constant rate whatever the server does."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

AT_ONCE = None
Due = float | None
"""A moment of time.perf_counter(), or at once."""


class Pace(Protocol):
    """Shared by all users; each goes through its own iterator."""

    def list_due(self, begun: float) -> Iterator[Due]:
        """The moments at which one user's requests are due, computed as they are asked for."""
        ...

    def count_due(self, seconds: float) -> float:
        """How many requests were due in the first seconds, whether or not anybody was free to send them."""
        ...


@dataclass(frozen=True)
class ClosedLoop:
    """Users who each send the next request when their last one is answered, so often or until the time is up."""

    requests_per_user: int | None = None
    seconds: float | None = None

    def list_due(self, begun: float) -> Iterator[Due]:
        end = math.inf if self.seconds is None else begun + self.seconds
        sent = 0
        while sent != self.requests_per_user and time.perf_counter() < end:
            yield AT_ONCE
            sent += 1

    def count_due(self, seconds: float) -> float:  # noqa: ARG002 - nothing is due before somebody can send it
        return 0


@dataclass(frozen=True)
class OpenLoop:
    """So many requests a second, taken in turn by whoever is free.

    When nobody is, a request begins late, and counts from when it was due. When the time is up, what nobody got to
    stays unsent. For one run: the users draw from one sequence.
    """

    rate: float
    requests: int | None = None
    seconds: float | None = None
    _numbers: Iterator[int] = field(default_factory=count)

    def list_due(self, begun: float) -> Iterator[Due]:
        end = math.inf if self.seconds is None else begun + self.seconds
        most = self.count_due(math.inf)
        # One call of next() is never interrupted: no number is drawn twice.
        while (number := next(self._numbers)) < most and time.perf_counter() < end:
            yield begun + number / self.rate

    def count_due(self, seconds: float) -> float:
        by_time = min(seconds, math.inf if self.seconds is None else self.seconds) * self.rate
        due = math.inf if by_time == math.inf else math.ceil(by_time)
        return due if self.requests is None else min(due, self.requests)
