"""Whose turn it is to answer, of the threads of one worker."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# As long as the interpreter lets a thread wait for another one before it interrupts that.
SECONDS_OF_PATIENCE = 0.005


class Turn:
    """Held by the thread that is at a request: one after the other they answer half as many again as all at once.

    Only one can have the interpreter, and gives it away at each call of the kernel: with four at it an answer of half a
    millisecond took 80 switches between them. Who has to wait for something, or will take long, steps aside; where one
    does not, the others lose their patience and go on as if there were no turns.

    Args:
        when_left: Called when a thread steps aside.
    """

    def __init__(
        self,
        when_left: Callable[[], None] = lambda: None,
        *,
        seconds_of_patience: float = SECONDS_OF_PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._when_left = when_left
        self._seconds_of_patience = seconds_of_patience
        self._clock = clock
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._waiting = 0
        self._holder: int | None = None
        self._held_since = self._promised_at = -math.inf

    def promise(self) -> None:
        """A thread is being woken to take it: it counts as taken until then."""
        self._promised_at = self._clock()

    def take(self) -> None:
        """Wait for it, but not for long."""
        self._promised_at = -math.inf
        if self._lock.acquire(blocking=False) or self._wait():
            self._held_since = self._clock()
            self._holder = threading.get_ident()

    def _wait(self) -> bool:
        with self._counting:
            self._waiting += 1
        is_mine = self._lock.acquire(timeout=self._seconds_of_patience)
        with self._counting:
            self._waiting -= 1
        return is_mine

    def is_wanted(self) -> bool:
        """Whether anybody waits for it."""
        return self._waiting > 0

    def leave(self) -> None:
        """Do nothing if this thread does not hold it."""
        if self._holder == threading.get_ident():
            self._holder = None
            self._lock.release()

    def is_taken(self) -> bool:
        """Whether it pays to wait for it: not any more when somebody has held it for long."""
        since = self._held_since if self._lock.locked() else self._promised_at
        return self._clock() - since < self._seconds_of_patience

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others go on meanwhile, if this thread holds it."""
        if self._holder != threading.get_ident():
            yield
            return
        self.leave()
        self._when_left()
        try:
            yield
        finally:
            self.take()
