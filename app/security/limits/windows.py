"""How much of a quota is used: a sliding window of two counters, in the memory of one process or in Redis."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

MAX_REMEMBERED = 10_000


@dataclass(frozen=True)
class Quota:
    """So many units in any `window_seconds`: a name for the caller to read, and what it may use."""

    name: str
    amount: int
    window_seconds: int = 60


@dataclass(frozen=True)
class Counts:
    """What was used: in the window before the current one and in the current one, whose end is told for both.

    Attributes:
        current_seconds_left: Until the current window ends; the previous one counts with the same share of itself.
    """

    previous: int
    current: int
    current_seconds_left: float

    def remaining(self, quota: Quota) -> int:
        """The largest cost that would be granted now."""
        share = self.current_seconds_left / quota.window_seconds
        return max(0, quota.amount - math.floor(self.previous * share) - self.current)

    def seconds_until(self, cost: int, quota: Quota) -> float:
        """How long nothing may be used until this cost is granted; infinite for one above the whole quota."""
        if cost > quota.amount:
            return math.inf
        window, room = quota.window_seconds, quota.amount - cost
        if self.current > room:
            # Not before this window is the previous one, and then only as it fades.
            fading = max(0.0, 1 - (room + 1) / self.current)
            return self.current_seconds_left + window * fading
        if math.floor(self.previous * self.current_seconds_left / window) + self.current <= room:
            return 0.0
        return self.current_seconds_left - window * (room - self.current + 1) / self.previous


@dataclass(frozen=True)
class Decision:
    """Whether a cost was granted, and how the quota stands after it.

    Attributes:
        quota: What was counted against; of workers that count each by itself, the part of one.
        parts: How many such parts there are.
    """

    quota: Quota
    cost: int
    is_granted: bool
    counts: Counts
    parts: int = 1

    @property
    def amount(self) -> int:
        """The quota in whole."""
        return self.quota.amount * self.parts

    @property
    def remaining(self) -> int:
        """What is left of the quota; of one in parts, if the others stand as this one does."""
        return self.counts.remaining(self.quota) * self.parts

    @property
    def retry_after_seconds(self) -> int:
        """After a refusal: whole seconds after which the same cost is granted, if nothing else is used meanwhile."""
        return _round_up(self.counts.seconds_until(self.cost, self.quota))

    @property
    def seconds_until_more(self) -> int:
        """Whole seconds until a unit more is available; 0 when all are."""
        remaining = self.counts.remaining(self.quota)
        if remaining >= self.quota.amount:
            return 0
        return _round_up(self.counts.seconds_until(remaining + 1, self.quota))


class Windows(Protocol):
    """Counters of quotas by whom they belong to."""

    def take(self, owner: str, quota: Quota, cost: int) -> Decision:
        """Use `cost` units if they are there; a refusal uses none."""


class MemoryWindows:
    """Counters of this process, for any number of threads; those used longest ago are forgotten first."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, max_remembered: int = MAX_REMEMBERED) -> None:
        self._clock = clock
        self._max_remembered = max_remembered
        self._lock = threading.Lock()
        self._used: dict[tuple[str, str], tuple[float, int, int]] = {}

    def take(self, owner: str, quota: Quota, cost: int) -> Decision:
        place, window = (owner, quota.name), quota.window_seconds
        with self._lock:
            now = self._clock()
            begun, previous, current = self._used.pop(place, (now, 0, 0))
            if now - begun >= 2 * window:
                begun, previous, current = now, 0, 0
            elif now - begun >= window:
                begun, previous, current = begun + window, current, 0
            left = begun + window - now
            is_granted = math.floor(previous * left / window) + current + cost <= quota.amount
            if is_granted:
                current += cost
            self._used[place] = (begun, previous, current)
            if len(self._used) > self._max_remembered:
                del self._used[next(iter(self._used))]
        return Decision(quota, cost, is_granted, Counts(previous, current, left))


def _round_up(seconds: float) -> int:
    # At the very moment of its end a wait is not over yet.
    return math.floor(max(0.0, seconds)) + 1
