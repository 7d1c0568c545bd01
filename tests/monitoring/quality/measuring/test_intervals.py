from __future__ import annotations

import math

import numpy as np
import pytest

from app.monitoring.quality.measuring.intervals import find_interval
from app.monitoring.quality.measuring.metrics import compute_metric
from app.monitoring.quality.measuring.pairs import Pairs

SAMPLES = 100


def draw_pairs(random: np.random.Generator, rows: int) -> Pairs:
    said = random.beta(2, 2, rows)
    truth = (random.random(rows) < said).astype(int)
    probabilities = np.stack([1 - said, said], axis=1)
    return Pairs(
        problem_type="binary",
        truth=truth,
        predicted=(said > 0.5).astype(int),
        probabilities=probabilities,
        classes=2,
    )


@pytest.mark.parametrize("name", ["accuracy", "log_loss"])
def test_intervals_hold_the_value_of_very_many_outcomes_about_as_often_as_they_say(name: str) -> None:
    random = np.random.default_rng(11)
    truth = compute_metric(name, draw_pairs(random, 400_000))
    held = 0
    for _ in range(SAMPLES):
        pairs = draw_pairs(random, 200)
        low, high = find_interval(name, compute_metric(name, pairs), pairs)
        held += low <= truth <= high
    # 95 % of 100, less than four standard deviations away.
    assert abs(held / SAMPLES - 0.95) < 4 * math.sqrt(0.95 * 0.05 / SAMPLES)


def test_more_outcomes_give_a_narrower_interval_and_the_same_ones_the_same() -> None:
    few, many = draw_pairs(np.random.default_rng(1), 100), draw_pairs(np.random.default_rng(1), 2000)
    intervals = [find_interval("accuracy", compute_metric("accuracy", pairs), pairs) for pairs in (few, many)]
    widths = [high - low for low, high in intervals]
    assert widths[1] < widths[0] / 2
    assert find_interval("accuracy", compute_metric("accuracy", few), few) == intervals[0]
