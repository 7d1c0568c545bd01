from __future__ import annotations

import numpy as np
import pytest

from app.serving.rollout.comparison.intervals import (
    Estimate,
    estimate_mean,
    estimate_mean_difference,
    estimate_share,
    estimate_share_difference,
)
from app.serving.rollout.comparison.moments import Moments


def sum_up(values: list[float]) -> Moments:
    moments = Moments()
    for value in values:
        moments.add(value)
    return moments


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    # Newcombe (1998), Two-sided confidence intervals for the single proportion, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_shares_have_the_published_wilson_intervals(count: int, of: int, low: float, high: float) -> None:
    estimate = estimate_share(count, of)
    assert estimate is not None
    assert [estimate.low, estimate.high] == pytest.approx([low, high], abs=5e-5)


@pytest.mark.parametrize(
    ("count", "of", "base_count", "base_of", "low", "high"),
    # Newcombe (1998), Interval estimation for the difference between independent proportions, table II, method 10.
    [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (10, 10, 0, 10, 0.6075, 1.0)],
)
def test_differences_of_shares_have_the_published_intervals(
    count: int, of: int, base_count: int, base_of: int, low: float, high: float
) -> None:
    estimate = estimate_share_difference(count, of, base_count, base_of)
    assert estimate is not None
    assert [estimate.low, estimate.high] == pytest.approx([low, high], abs=5e-5)


def test_nothing_has_no_share_and_no_mean() -> None:
    assert estimate_share(0, 0) is None
    assert estimate_share_difference(1, 2, 0, 0) is None
    assert estimate_mean(Moments()) is None
    assert estimate_mean_difference(sum_up([1.0]), sum_up([1.0, 2.0])) is None


def test_the_interval_of_a_mean_holds_the_true_one_in_95_of_100_samples() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        estimate = estimate_mean_difference(
            sum_up(rng.normal(3, 1, 80).tolist()), sum_up(rng.normal(1, 2, 50).tolist())
        )
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        hits += estimate.low < 2 < estimate.high
    assert 360 < hits < 396


def test_a_mean_of_equal_values_is_certain() -> None:
    assert estimate_mean(sum_up([2.0, 2.0])) == Estimate(2.0, 2.0, 2.0)
