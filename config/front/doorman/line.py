"""Who waits for a turn, in the order in which they get it."""

from __future__ import annotations

import math
import socket
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from config.front.doorman.heads import RequestStart


@dataclass(frozen=True)
class Held:
    """A connection that waits, and until when its request is of use."""

    connection: socket.socket
    start: RequestStart
    due: float


class Line:
    """First come, first served, but for those who go first, among whom that holds as well.

    Attributes:
        next_due: No one's time is over before; may be too early.
    """

    def __init__(self) -> None:
        self.next_due = math.inf
        self._first: deque[Held] = deque()
        self._others: deque[Held] = deque()

    def __len__(self) -> int:
        return len(self._first) + len(self._others)

    def __iter__(self) -> Iterator[Held]:
        yield from self._first
        yield from self._others

    def count_ahead(self, *, goes_first: bool) -> int:
        """How many have their turn before somebody who comes now."""
        return len(self._first) if goes_first else len(self)

    def admit(self, held: Held, *, goes_first: bool) -> None:
        (self._first if goes_first else self._others).append(held)
        self.next_due = min(self.next_due, held.due)

    def readmit(self, held: Held) -> None:
        """Somebody who had left for a turn, and did not get it, is the next again."""
        self._first.appendleft(held)

    def look(self) -> Held | None:
        """Whose turn it is."""
        return next(iter(self), None)

    def leave(self) -> Held:
        return self._first.popleft() if self._first else self._others.popleft()

    def dismiss_late(self, now: float) -> list[Held]:
        """Those whose time is over, who wait no more."""
        late = [held for held in self if now >= held.due]
        self._first = deque(held for held in self._first if now < held.due)
        self._others = deque(held for held in self._others if now < held.due)
        self.next_due = min((held.due for held in self), default=math.inf)
        return late
