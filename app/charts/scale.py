"""Scales of plots: from values to places between 0 and 1, and the round numbers that are marked on the way."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_TICKS = 5
_ROUND_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_MOST_DECADES = 6
_TINIEST = 1e-9


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`; a logarithmic one needs both above 0."""

    low: float
    high: float
    is_logarithmic: bool = False

    def place(self, value: float) -> float:
        """Where a value lies: 0 is the low end, 1 the high one; values outside are put at the end."""
        share = (self._bend(value) - self._bend(self.low)) / (self._bend(self.high) - self._bend(self.low))
        return min(1.0, max(0.0, share))

    def list_ticks(self) -> list[float]:
        return self._list_decades() if self.is_logarithmic else self._list_round_numbers()

    def _bend(self, value: float) -> float:
        return math.log10(max(value, _TINIEST)) if self.is_logarithmic else value

    def _list_round_numbers(self) -> list[float]:
        step = _find_round_step((self.high - self.low) / _TICKS)
        first, last = math.ceil(self.low / step - _TINIEST), math.floor(self.high / step + _TINIEST)
        return [number * step for number in range(first, last + 1)]

    def _list_decades(self) -> list[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        factors = (1, 2, 5) if len(decades) <= _MOST_DECADES // 2 + 1 else (1,)
        values = [factor * 10.0**decade for decade in decades for factor in factors]
        return [value for value in values if self.low <= value <= self.high]


UNIT = Scale(0.0, 1.0)


def cover(values: Iterable[float], *, margin: float = 0.05) -> Scale:
    """A linear scale that holds all values, with a margin at both ends."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    spare = (high - low) * margin or abs(high) * margin or 1.0
    return Scale(low - spare, high + spare)


def cover_logarithmically(values: Iterable[float]) -> Scale:
    """A logarithmic scale that holds all values above 0, with room at both ends."""
    positive = [value for value in values if math.isfinite(value) and value > 0] or [1.0]
    return Scale(min(positive) / 1.5, max(positive) * 1.5, is_logarithmic=True)


def _find_round_step(least: float) -> float:
    magnitude: float = 10.0 ** math.floor(math.log10(least))
    return next(step * magnitude for step in _ROUND_STEPS if step * magnitude >= least * (1 - _TINIEST))
