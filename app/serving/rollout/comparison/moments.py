"""Numbers summed up in constant memory: mean and variance of values, quantiles of times. Sums can be joined."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_SHORTEST_SECONDS = 1e-6
_LONGEST_SECONDS = 1e4
_STEP = math.log(1.05)


class Moments:
    """Count, mean, variance and largest of values.

    Source: T. F. Chan, G. H. Golub, R. J. LeVeque, Algorithms for computing the sample variance, The American
    Statistician 37 (1983); sums of squares would lose all digits where the mean is large.
    """

    def __init__(self, count: int = 0, mean: float = 0.0, squares: float = 0.0, largest: float = -math.inf) -> None:
        self.count = count
        self.mean = mean
        self.squares = squares
        self.largest = largest

    @property
    def variance(self) -> float:
        """Of the sample; 0 below two values."""
        return self.squares / (self.count - 1) if self.count > 1 else 0.0

    def add(self, value: float) -> None:
        self.count += 1
        deviation = value - self.mean
        self.mean += deviation / self.count
        self.squares += deviation * (value - self.mean)
        if value > self.largest:
            self.largest = value

    def merge(self, other: Moments) -> None:
        if not other.count:
            return
        count = self.count + other.count
        deviation = other.mean - self.mean
        self.squares += other.squares + deviation**2 * self.count * other.count / count
        self.mean += deviation * other.count / count
        self.count = count
        self.largest = max(self.largest, other.largest)

    def to_list(self) -> list[float]:
        return [self.count, self.mean, self.squares, self.largest if self.count else 0.0]

    @classmethod
    def from_list(cls, values: list[Any]) -> Moments:
        return cls(*values) if values[0] else cls()


class Times:
    """Durations in steps of 5 %, from a microsecond to some hours: any quantile is right to 2.5 %."""

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self._counts: dict[int, int] = dict(counts or {})

    def add(self, seconds: float) -> None:
        bounded = min(max(seconds, _SHORTEST_SECONDS), _LONGEST_SECONDS)
        step = int(math.log(bounded / _SHORTEST_SECONDS) / _STEP)
        self._counts[step] = self._counts.get(step, 0) + 1

    def quantile(self, level: float) -> float | None:
        """The duration in seconds that a share `level` of all does not exceed; None of nothing."""
        place = math.ceil(level * sum(self._counts.values()))
        for step in sorted(self._counts):
            place -= self._counts[step]
            if place <= 0:
                return _SHORTEST_SECONDS * math.exp((step + 0.5) * _STEP)
        return None

    def merge(self, other: Times) -> None:
        for step, count in other._counts.items():
            self._counts[step] = self._counts.get(step, 0) + count

    def to_dict(self) -> dict[str, int]:
        return {str(step): count for step, count in self._counts.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, int]) -> Times:
        return cls({int(step): count for step, count in values.items()})
