from __future__ import annotations

import math

import pytest

from app.charts.scale import UNIT, Scale, cover, cover_logarithmically


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (UNIT, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (Scale(-651, 618), [-500, 0, 500]),
        (Scale(0.03, 0.7, is_logarithmic=True), [0.05, 0.1, 0.2, 0.5]),
        (Scale(1, 1e7, is_logarithmic=True), [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7]),
    ],
)
def test_ticks_are_round_numbers_inside_of_the_scale(scale: Scale, ticks: list[float]) -> None:
    assert scale.list_ticks() == pytest.approx(ticks)


def test_values_lie_between_0_and_1_and_those_outside_at_the_ends() -> None:
    scale = Scale(10, 20)
    assert [scale.place(value) for value in (0, 10, 15, 20, 99)] == [0, 0, 0.5, 1, 1]
    assert Scale(1, 100, is_logarithmic=True).place(10) == pytest.approx(0.5)


@pytest.mark.parametrize("values", [[], [0.0], [5.0, 5.0], [-3.0], [math.nan, math.inf], [1e300, -1e300], [1e-300, 0]])
def test_whatever_the_values_there_is_a_scale_with_ticks(values: list[float]) -> None:
    scale = cover(values)
    assert scale.low < scale.high
    assert 2 <= len(scale.list_ticks()) <= 12


@pytest.mark.parametrize("values", [[], [0.0], [0.2], [1e-6, 1e6]])
def test_whatever_the_values_there_is_a_logarithmic_scale(values: list[float]) -> None:
    scale = cover_logarithmically(values)
    assert 0 < scale.low < scale.high
    assert scale.list_ticks()
