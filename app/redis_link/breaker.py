"""When to stop calling a server that does not answer, and when to look whether it does again."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

SECONDS_BETWEEN_PROBES = 1.0
_FAILURES_THAT_OPEN = 3
_FAILURES_COUNT_SECONDS = 10.0


class Breaker:
    """Knows whether calls are worth it: open after a timeout or some failures, closed by one answer.

    Attributes:
        is_open: Whether none is but for one a second.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: deque[float] = deque(maxlen=_FAILURES_THAT_OPEN)
        self.is_open = False
        self._next_probe_at = 0.0

    def lets_through(self) -> bool:
        if not self.is_open:
            return True
        with self._lock:
            now = self._clock()
            if self.is_open and now < self._next_probe_at:
                return False
            self._next_probe_at = now + SECONDS_BETWEEN_PROBES
            return True

    def record_failure(self, *, at_once: bool) -> bool:
        """Note a failure; tell whether it opened the breaker."""
        with self._lock:
            now = self._clock()
            self._failures.append(now)
            is_full = len(self._failures) == _FAILURES_THAT_OPEN
            if not (at_once or (is_full and now - self._failures[0] <= _FAILURES_COUNT_SECONDS) or self.is_open):
                return False
            is_news, self.is_open = not self.is_open, True
            self._next_probe_at = now + SECONDS_BETWEEN_PROBES
            return is_news

    def record_answer(self) -> bool:
        """Note an answer; tell whether it closed the breaker."""
        if not self.is_open and not self._failures:
            return False
        with self._lock:
            is_news, self.is_open = self.is_open, False
            if is_news:
                self._failures.clear()
            return is_news
