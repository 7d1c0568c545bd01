"""Bins: the few places that values of a feature are counted in, the same ones for training data and for live rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from app.release.schema import Scalar

Counts = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

MOST_BINS = 16
# A bin with fewer rows of training tells little; of few rows there are few bins.
_LEAST_ROWS_OF_BIN = 100
_LEAST_BINS = 5
MISSING = -1
"""The place of nulls among the counts of every feature."""


class Bins(Protocol):
    """Counts values; the last count is that of nulls.

    Attributes:
        size: How many counts there are.
    """

    @property
    def size(self) -> int: ...

    def count(self, values: Any) -> Counts: ...


@dataclass(frozen=True)
class NumberBins:
    """Stretches of numbers, each from its least to its greatest number in training.

    They meet halfway. Counted are numbers below all of training, those of each stretch, those above, and nulls.
    """

    stretches: tuple[tuple[float, float], ...]

    @property
    def size(self) -> int:
        return len(self.stretches) + 3

    @property
    def least(self) -> float:
        return self.stretches[0][0]

    @property
    def greatest(self) -> float:
        return self.stretches[-1][1]

    @cached_property
    def _limits(self) -> Numbers:
        """Where each stretch begins, and just behind the last one."""
        ends = zip(self.stretches[:-1], self.stretches[1:], strict=True)
        inner = (_find_middle(left[1], right[0]) for left, right in ends)
        return np.array([self.least, *inner, math.nextafter(self.greatest, math.inf)])

    def count(self, values: Numbers) -> Counts:
        """Count numbers; NaN is null."""
        counts = np.bincount(self._limits.searchsorted(values, side="right"), minlength=self.size)
        # NaN is sorted behind all numbers.
        counts[MISSING] = np.count_nonzero(np.isnan(values))
        counts[MISSING - 1] -= counts[MISSING]
        return counts

    def widen(self, least: float, greatest: float) -> NumberBins:
        """The same stretches where all of training is known to reach further than what they were made of."""
        (low, high), *others = self.stretches
        stretches = [(min(low, least), high), *others]
        low, high = stretches[-1]
        return NumberBins((*stretches[:-1], (low, max(high, greatest))))

    def clip(self, values: Numbers) -> Numbers:
        """The same numbers, those outside of training at its ends."""
        return values.clip(self.least, self.greatest)


@dataclass(frozen=True)
class CategoryBins:
    """The most frequent categories of training, each on its own.

    Counted are each of them, all others of training together, what training did not have, and nulls.

    Attributes:
        categories: The most frequent ones, that one first.
        others: The others of training.
    """

    categories: tuple[Scalar, ...]
    others: frozenset[Scalar] = frozenset()

    @property
    def size(self) -> int:
        return len(self.categories) + 3

    @cached_property
    def _places(self) -> dict[Scalar | None, int]:
        places: dict[Scalar | None, int] = dict.fromkeys(self.others, len(self.categories))
        places.update({category: place for place, category in enumerate(self.categories)})
        return places | {None: self.size + MISSING}

    def count(self, values: Iterable[Scalar | None]) -> Counts:
        counts = np.zeros(self.size, np.int64)
        unseen = self.size + MISSING - 1
        for value, count in Counter(values).items():
            counts[self._places.get(value, unseen)] += count
        return counts


def choose_stretches(values: Numbers) -> NumberBins:
    """Stretches of about as many rows each; a number that alone has as many has one of its own.

    Args:
        values: Numbers of training; NaN is null.
    """
    numbers, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    if not len(numbers):
        return NumberBins(((0.0, 0.0),))
    total = counts.sum()
    wanted = total / np.clip(total // _LEAST_ROWS_OF_BIN, _LEAST_BINS, MOST_BINS)
    stretches: list[tuple[float, float]] = []
    low, held = None, 0
    for number, count, next_count in zip(numbers.tolist(), counts, [*counts[1:], wanted], strict=True):
        low = number if low is None else low
        held += count
        if held >= wanted or next_count >= wanted:
            stretches.append((low, number))
            low, held = None, 0
    return NumberBins(tuple(stretches))


def choose_categories(values: Sequence[Scalar | None], known: Iterable[Scalar]) -> CategoryBins:
    """The most frequent categories.

    Args:
        values: Those of training.
        known: All that training had, those that are in none of the values included.
    """
    seen = Counter(value for value in values if value is not None)
    ranked = [*(value for value, _ in seen.most_common()), *(value for value in known if value not in seen)]
    # A single other one is no less readable than a word for it.
    most = MOST_BINS if len(ranked) > MOST_BINS + 1 else len(ranked)
    return CategoryBins(tuple(ranked[:most]), frozenset(ranked[most:]))


def _find_middle(left: float, right: float) -> float:
    middle = left / 2 + right / 2
    return middle if left < middle <= right else right
