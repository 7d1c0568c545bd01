"""The cost of a pass is measured, follows the host, and stays positive whatever it is told."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runtime.cost_curve import CostCurve, measure_cost
from app.runtime.predictions import Predictions
from app.runtime.rows import TypedRow


class TimedExecutor:
    """Makes a clock of its own go on by a + b n, and now and then by much more."""

    def __init__(self, *, fixed: float, per_row: float, hiccup_at: int = -1) -> None:
        self.now = 0.0
        self._fixed, self._per_row, self._hiccup_at = fixed, per_row, hiccup_at
        self._calls = 0

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        self._calls += 1
        self.now += self._fixed + self._per_row * len(rows) + (100.0 if self._calls == self._hiccup_at else 0.0)
        return Predictions([0] * len(rows), None)


@pytest.mark.parametrize("hiccup_at", [-1, 2, 5])
def test_the_measured_curve_is_that_of_the_executor(hiccup_at: int) -> None:
    executor = TimedExecutor(fixed=0.1, per_row=0.0005, hiccup_at=hiccup_at)
    cost = measure_cost(executor, [(1,), (2,), (3,)], clock=lambda: executor.now)
    assert cost.fixed_seconds == pytest.approx(0.1)
    assert cost.seconds_per_row == pytest.approx(0.0005)
    assert cost.estimate_seconds(100) == pytest.approx(0.15)


def test_rows_that_seem_free_still_cost_something() -> None:
    executor = TimedExecutor(fixed=0.1, per_row=0.0)
    cost = measure_cost(executor, [(1,)], clock=lambda: executor.now)
    assert cost.seconds_per_row == pytest.approx(1e-5)


@pytest.mark.parametrize("sizes", [(1,), (2000,), (1, 16, 2000)])
def test_a_host_that_became_slower_is_noticed(sizes: tuple[int, ...]) -> None:
    cost = CostCurve(fixed_seconds=0.1, seconds_per_row=0.0005)
    for _ in range(200):
        for rows in sizes:
            cost.learn(rows=rows, seconds=0.3 + 0.001 * rows)
    assert [cost.estimate_seconds(rows) for rows in sizes] == pytest.approx([0.3 + 0.001 * n for n in sizes], rel=0.05)


def test_single_rows_teach_nothing_about_many() -> None:
    cost = CostCurve(fixed_seconds=0.1, seconds_per_row=0.0005)
    for _ in range(200):
        cost.learn(rows=1, seconds=0.2)
    assert cost.seconds_per_row == pytest.approx(0.0005, rel=0.02)


def test_one_slow_pass_moves_little() -> None:
    cost = CostCurve(fixed_seconds=0.1, seconds_per_row=0.0005)
    cost.learn(rows=1, seconds=10.0)
    assert cost.fixed_seconds < 0.2


@given(st.lists(st.tuples(st.integers(1, 100_000), st.floats(0, 1e4)), max_size=50))
def test_a_curve_stays_positive(passes: list[tuple[int, float]]) -> None:
    cost = CostCurve(fixed_seconds=0.1, seconds_per_row=0.0005)
    for rows, seconds in passes:
        cost.learn(rows=rows, seconds=seconds)
    assert cost.fixed_seconds > 0
    assert cost.seconds_per_row > 0
