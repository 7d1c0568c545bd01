from __future__ import annotations

import numpy as np
import pytest

from app.serving.rollout.comparison.moments import Moments, Times


def test_moments_of_parts_joined_are_those_of_the_whole() -> None:
    values = np.random.default_rng(0).normal(1e9, 1, 1000).tolist()
    joined = Moments()
    for part in (values[:1], values[1:1], values[1:300], values[300:]):
        moments = Moments()
        for value in part:
            moments.add(value)
        joined.merge(Moments.from_list(moments.to_list()))
    assert joined.count == 1000
    assert joined.mean == pytest.approx(np.mean(values), rel=1e-15)
    assert joined.variance == pytest.approx(np.var(values, ddof=1), rel=1e-6)
    assert joined.largest == max(values)


def test_quantiles_of_times_are_right_to_a_fortieth() -> None:
    seconds = np.random.default_rng(0).lognormal(-7, 1.5, 5000)
    halves = [Times(), Times()]
    for place, second in enumerate(seconds.tolist()):
        halves[place % 2].add(second)
    joined = Times.from_dict(halves[0].to_dict())
    joined.merge(halves[1])
    for level in (0.5, 0.99):
        assert joined.quantile(level) == pytest.approx(np.quantile(seconds, level, method="inverted_cdf"), rel=0.026)


def test_times_of_any_number_of_requests_take_a_bounded_place() -> None:
    times = Times()
    for second in np.random.default_rng(0).lognormal(-5, 10, 20_000).tolist():
        times.add(second)
    assert len(times.to_dict()) < 500
    assert Times().quantile(0.5) is None
