"""Whether two kinds of calls take the same time: Welch's t-test as dudect makes it.

After Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?" (DATE 2017): calls of both kinds in random
order, each timed by itself; the times are cropped at several percentiles, for a delay of the machine would hide a
difference, and the largest |t| of all crops counts. Below 4.5 nothing is found, the limit that is usual for
leakage since "A testing methodology for side-channel resistance validation" (Goodwill et al., NIST 2011).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LARGEST_T = 4.5
# dudect's: the i-th of so many crops keeps the share 1 - 0.5 ** (10 * (i + 1) / crops) of all times.
_CROPS = 100
_LEAST_SAMPLES_OF_CROP = 1000
_WARM_UP = 500

Call = Callable[[], object]
Times = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class TimingResult:
    """In microseconds; `t` is the largest of all crops, with the sign of first minus second."""

    samples: int
    first_median: float
    second_median: float
    t: float

    @property
    def holds(self) -> bool:
        return abs(self.t) < LARGEST_T


def compare_times(first: Sequence[Call], second: Sequence[Call], *, samples: int, seed: int = 1) -> TimingResult:
    """Time calls of two kinds. Of each kind the calls are taken in turn.

    Args:
        samples: Of both kinds together.
    """
    chooser = random.Random(seed)
    kinds = (first, second)
    for position in range(_WARM_UP):
        kinds[position % 2][position % len(kinds[position % 2])]()
    times: tuple[list[int], list[int]] = ([], [])
    for _ in range(samples):
        kind = chooser.getrandbits(1)
        call = kinds[kind][len(times[kind]) % len(kinds[kind])]
        began = time.perf_counter_ns()
        call()
        times[kind].append(time.perf_counter_ns() - began)
    one, other = (np.array(taken, dtype=np.float64) / 1000 for taken in times)
    return TimingResult(
        samples=samples,
        first_median=float(np.median(one)),
        second_median=float(np.median(other)),
        t=find_largest_t(one, other),
    )


def find_largest_t(one: Times, other: Times) -> float:
    """Welch's t of the uncropped times and of every crop that leaves enough of them; the largest one by amount."""
    together = np.concatenate([one, other])
    shares = [1 - 0.5 ** (10 * (crop + 1) / _CROPS) for crop in range(_CROPS)]
    found = [_compute_t(one, other)]
    for limit in np.quantile(together, shares):
        kept_one, kept_other = one[one < limit], other[other < limit]
        if min(len(kept_one), len(kept_other)) >= _LEAST_SAMPLES_OF_CROP:
            found.append(_compute_t(kept_one, kept_other))
    return max(found, key=abs)


def _compute_t(one: Times, other: Times) -> float:
    return float(stats.ttest_ind(one, other, equal_var=False).statistic)
