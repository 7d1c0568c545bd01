"""What one pass over n rows costs on this host: t(n) = a + b n, measured at load and kept up to date by live passes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from statistics import median

from app.runtime.predictions import Executor
from app.runtime.rows import TypedRow

# Fewer than a plan looks for equal ones among: golden rows are few, and come again and again here.
_MANY_ROWS = 128
_REPETITIONS = 3
# No fit of noisy times may say that rows are free, or that a pass is.
_LEAST_SHARE = 1e-4
_LEARNING_RATE = 0.1
# Of the time that many rows take, so much may go into the fixed costs of their passes.
_LARGEST_FIXED_SHARE = 0.02
_LEAST_CHUNK_ROWS, _MOST_CHUNK_ROWS = 256, 10_000


class CostCurve:
    """`fixed_seconds` (a) is paid once a pass, `seconds_per_row` (b) for each of its rows."""

    def __init__(self, *, fixed_seconds: float, seconds_per_row: float) -> None:
        self.fixed_seconds = fixed_seconds
        self.seconds_per_row = seconds_per_row

    def estimate_seconds(self, rows: int) -> float:
        return self.fixed_seconds + self.seconds_per_row * rows

    def learn(self, *, rows: int, seconds: float) -> None:
        """Move the curve towards one measured pass.

        One step of stochastic gradient descent on the squared error of log t. In logarithms both numbers stay positive,
        one slow pass moves them little, and each is moved by its share of the time: passes of one row teach a, passes
        of thousands teach b, and neither spoils the other.
        """
        expected = self.estimate_seconds(rows)
        error = math.log(max(seconds, 1e-9) / expected)
        share = self.fixed_seconds / expected
        self.fixed_seconds *= math.exp(_LEARNING_RATE * share * error)
        self.seconds_per_row *= math.exp(_LEARNING_RATE * (1 - share) * error)


def choose_chunk_rows(curve: CostCurve) -> int:
    """How many of many rows to predict at once: enough that a pass costs little by itself, and no more than that.

    Memory and the time until others get their turn grow with a chunk; from some rows on nothing gets faster.
    """
    enough = curve.fixed_seconds / curve.seconds_per_row * (1 / _LARGEST_FIXED_SHARE - 1)
    return max(_LEAST_CHUNK_ROWS, min(_MOST_CHUNK_ROWS, math.ceil(enough)))


def measure_cost(
    executor: Executor, rows: Sequence[TypedRow], *, clock: Callable[[], float] = time.perf_counter
) -> CostCurve:
    """Time a few passes of one row and of many, the given rows in turn; medians, so that one hiccup does not count."""
    many = list(islice(cycle(rows), _MANY_ROWS))

    def time_pass(part: Sequence[TypedRow]) -> float:
        started = clock()
        executor.predict(part)
        return clock() - started

    of_one = median(time_pass(many[turn : turn + 1]) for turn in range(_REPETITIONS))
    of_many = median(time_pass(many) for _ in range(_REPETITIONS))
    per_row = max((of_many - of_one) / (_MANY_ROWS - 1), of_one * _LEAST_SHARE)
    return CostCurve(fixed_seconds=max(of_one - per_row, of_one * _LEAST_SHARE), seconds_per_row=per_row)
