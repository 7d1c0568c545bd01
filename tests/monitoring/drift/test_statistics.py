from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from app.monitoring.drift.statistics import (
    DESIGN_EFFECT,
    compare_news,
    compare_order,
    compare_share,
    compare_shares,
    compute_psi,
    expect_psi,
)

RANDOM = np.random.default_rng(0)
REFERENCE, LIVE = np.array([120, 380, 260, 240]), np.array([70, 160, 150, 220])


def test_psi_is_the_sum_over_bins_of_difference_times_logarithm_of_ratio() -> None:
    p, q = (REFERENCE + 0.5) / 1002, (LIVE + 0.5) / 602
    expected = sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))
    assert compute_psi(REFERENCE, LIVE) == pytest.approx(expected)
    assert compute_psi(REFERENCE, 3 * REFERENCE) == pytest.approx(0, abs=1e-6)


def test_psi_of_bins_that_one_side_never_met_is_finite_and_large() -> None:
    assert 2 < compute_psi(np.array([1000, 0]), np.array([500, 500])) < 10


def test_psi_without_drift_is_on_average_what_is_expected_of_it() -> None:
    shares = np.full(10, 0.1)
    draws = [(RANDOM.multinomial(4000, shares), RANDOM.multinomial(1000, shares)) for _ in range(400)]
    mean = np.mean([compute_psi(reference, live) for reference, live in draws])
    assert mean == pytest.approx(expect_psi(*draws[0]), rel=0.08)


def test_kolmogorov_smirnov_is_that_of_scipy_where_bins_are_values() -> None:
    samples = [np.repeat(np.arange(4), counts) for counts in (REFERENCE, LIVE)]
    theirs = stats.ks_2samp(*samples, method="asymp")
    found = compare_order(REFERENCE, LIVE)
    assert found.statistic == found.effect == pytest.approx(theirs.statistic)
    # As of half as many rows.
    halved = math.sqrt(1000 * 600 / 1600 / DESIGN_EFFECT) * found.statistic
    assert found.p_value == pytest.approx(stats.kstwobign.sf(halved))


def test_chi_square_is_that_of_scipy() -> None:
    theirs = stats.chi2_contingency(np.stack([REFERENCE, LIVE]), correction=False)
    found = compare_shares(REFERENCE, LIVE)
    assert found.statistic == pytest.approx(theirs.statistic / DESIGN_EFFECT)
    assert found.p_value == pytest.approx(stats.chi2.sf(theirs.statistic / DESIGN_EFFECT, 3))


def test_the_effect_on_shares_is_cohens_w() -> None:
    assert compare_shares(np.array([5000, 5000]), np.array([6000, 4000])).effect == pytest.approx(0.2, rel=0.01)


def test_bins_with_too_few_expected_rows_are_put_together() -> None:
    reference, live = np.array([900, 30, 30, 50, 0]), np.array([90, 1, 0, 9, 0])
    assert compare_shares(reference, live).p_value == pytest.approx(
        compare_shares(np.array([900, 60, 50]), np.array([90, 1, 9])).p_value
    )
    # One rare value among few rows is no more than that.
    assert compare_shares(np.array([4000, 0]), np.array([59, 1])).p_value == 1


def test_a_share_is_compared_as_a_table_of_two_by_two() -> None:
    assert compare_share(100, 1000, 160, 800) == pytest.approx(
        compare_shares(np.array([100, 900]), np.array([160, 640])).p_value
    )


def test_news_are_compared_exactly_with_the_rows_that_are_alone_in_the_reference() -> None:
    assert compare_news(3, 1000, 7, 500) == pytest.approx(stats.binom.sf(6, 10, 500 / 1500))
    assert compare_news(3, 1000, 0, 500) == 1


def test_where_one_side_has_no_rows_nothing_is_found() -> None:
    nothing = np.zeros(4, np.int64)
    for first, second in ((REFERENCE, nothing), (nothing, LIVE), (nothing, nothing)):
        assert compare_order(first, second).p_value == compare_shares(first, second).p_value == 1
        assert math.isfinite(compute_psi(first, second) + expect_psi(first, second))
