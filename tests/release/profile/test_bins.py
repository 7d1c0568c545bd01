from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.release.profile.bins import MOST_BINS, CategoryBins, NumberBins, choose_categories, choose_stretches

FINITE = st.floats(-1e30, 1e30)


def test_numbers_are_counted_below_in_each_stretch_above_and_as_missing() -> None:
    bins = NumberBins(((0.0, 1.0), (2.0, 5.0)))
    values = np.array([-0.1, 0.0, 1.4, 1.5, 5.0, 5.0001, 1e300, math.nan])
    assert bins.count(values).tolist() == [1, 2, 2, 2, 1]
    assert bins.count(np.array([], np.float64)).tolist() == [0, 0, 0, 0, 0]


def test_categories_are_counted_on_their_own_as_others_as_unseen_and_as_missing() -> None:
    bins = CategoryBins(("a", "b"), frozenset({"c", "d"}))
    assert bins.count(["b", "a", "c", "d", "new", "newer", None, "a"]).tolist() == [2, 1, 2, 2, 1]


def test_stretches_hold_about_as_many_rows_each() -> None:
    bins = choose_stretches(np.random.default_rng(0).lognormal(3, 2, 5000))
    counts = bins.count(np.random.default_rng(0).lognormal(3, 2, 5000))
    assert len(bins.stretches) == MOST_BINS
    assert (np.abs(counts[1:-2] - 5000 / MOST_BINS) < 20).all()


def test_a_number_that_many_rows_have_has_a_stretch_of_its_own() -> None:
    values = np.concatenate([np.zeros(7000), np.linspace(0.01, 9, 3000)])
    stretches = choose_stretches(values).stretches
    assert stretches[0] == (0.0, 0.0)
    assert 4 <= len(stretches) <= 6
    rare = choose_stretches(np.array([-1.0, *[0.0] * 998, 7.0]))
    assert rare.stretches == ((-1.0, -1.0), (0.0, 0.0), (7.0, 7.0))


def test_few_values_have_a_stretch_each_and_few_rows_few_stretches() -> None:
    assert choose_stretches(np.repeat([1.0, 2.0, 7.0], 500)).stretches == ((1.0, 1.0), (2.0, 2.0), (7.0, 7.0))
    assert len(choose_stretches(np.arange(300.0)).stretches) == 5
    assert choose_stretches(np.array([math.nan])).stretches == ((0.0, 0.0),)


@given(st.lists(FINITE, min_size=1, max_size=300), st.lists(FINITE | st.just(math.nan), max_size=50))
def test_every_number_is_counted_once_and_none_of_the_reference_is_outside(
    known: list[float], live: list[float]
) -> None:
    reference = np.array(known)
    bins = choose_stretches(reference)
    assert bins.size <= 2 * MOST_BINS + 4
    counts = bins.count(reference)
    assert counts.sum() == len(known)
    assert counts[0] == counts[-2] == counts[-1] == 0
    assert bins.count(np.array(live, np.float64)).sum() == len(live)


@pytest.mark.parametrize(
    ("stretches", "widened"),
    [(((0.0, 1.0), (2.0, 3.0)), ((-5, 1.0), (2.0, 9))), (((0.0, 1.0),), ((-5, 9),)), (((-7, 10),), ((-7, 10),))],
)
def test_a_range_that_is_known_to_be_wider_widens_the_outer_stretches(
    stretches: tuple[tuple[float, float], ...], widened: tuple[tuple[float, float], ...]
) -> None:
    assert NumberBins(stretches).widen(-5, 9).stretches == widened


@pytest.mark.parametrize(("different", "own"), [(17, 17), (18, 16)])
def test_the_most_frequent_categories_have_a_place_of_their_own(different: int, own: int) -> None:
    values = [f"c{number}" for number in range(different) for _ in range(different - number)]
    bins = choose_categories([*values, None], [f"c{number}" for number in range(different)])
    assert bins.categories == tuple(f"c{number}" for number in range(own))
    assert len(bins.others) == different - own


def test_a_category_that_only_the_model_knows_is_not_unseen() -> None:
    assert choose_categories(["a", "a", "b"], ["a", "b", "z"]).count(["z", "y"]).tolist() == [0, 0, 1, 0, 1, 0]
