"""How fast the workers take connections while others wait: what an expected wait is computed from."""

from __future__ import annotations

import math

# A guess for as long as nothing is known.
_FIRST_PER_SECOND = 200.0
_SECONDS_TO_KNOW, _TAKEN_TO_KNOW = 1.0, 16
_LEAST_PER_SECOND = 0.1
_MEMORY_SECONDS = 1.0


class Pace:
    """A moving average over the times in which connections were waiting: when none is, workers take what comes.

    Attributes:
        moved_at: When connections were last seen to be taken, or none to wait.
    """

    def __init__(self) -> None:
        self.per_second = _FIRST_PER_SECOND
        self.moved_at = 0.0
        self._taken: int | None = None
        self._at = 0.0
        self._learned_seconds = 0.0
        self._learned_taken = 0

    def note(self, *, taken: int, at: float, waited: bool) -> None:
        """Learn how many were taken in all until now.

        Args:
            waited: Whether connections were waiting ever since the last note.
        """
        if not waited or taken != self._taken:
            self.moved_at = at
        if waited and self._taken is not None and at > self._at:
            self._learn(taken - self._taken, at - self._at)
        self._taken, self._at = taken, at

    def estimate_seconds(self, waiting: int) -> float:
        return waiting / self.per_second

    def _learn(self, taken: int, seconds: float) -> None:
        if self._learned_seconds < _SECONDS_TO_KNOW and self._learned_taken < _TAKEN_TO_KNOW:
            self._learned_seconds += seconds
            self._learned_taken += taken
            if self._learned_seconds < _SECONDS_TO_KNOW and self._learned_taken < _TAKEN_TO_KNOW:
                return
            self.per_second = max(_LEAST_PER_SECOND, self._learned_taken / self._learned_seconds)
            return
        weight = 1 - math.exp(-seconds / _MEMORY_SECONDS)
        self.per_second = max(_LEAST_PER_SECOND, self.per_second + weight * (taken / seconds - self.per_second))
