from __future__ import annotations

import numpy as np
import pytest

from app.training.card.quality.calibration import compute_bins, compute_calibration_error, compute_share_interval


def test_bins_hold_every_row_once_with_what_was_said_and_what_came_true() -> None:
    probabilities = np.array([0.0, 0.05, 0.1, 0.95, 1.0])
    bins = compute_bins(probabilities, np.array([0, 1, 0, 1, 1]))
    assert [(part.start, part.rows, part.said, part.came_true) for part in bins] == [
        (0.0, 2, 0.025, 0.5),
        (0.1, 1, 0.1, 0.0),
        (0.9, 2, 0.975, 1.0),
    ]
    assert compute_calibration_error(bins) == pytest.approx((2 * 0.475 + 0.1 + 2 * 0.025) / 5)


def test_the_interval_of_a_share_is_wilsons() -> None:
    assert compute_share_interval(0.0, 10) == pytest.approx((0.0, 0.27754), abs=1e-5)
    assert compute_share_interval(0.5, 100) == pytest.approx((0.40383, 0.59617), abs=1e-5)


def test_the_interval_of_calibrated_probabilities_mostly_holds_them() -> None:
    random = np.random.default_rng(0)
    probabilities = random.random(20_000)
    bins = compute_bins(probabilities, random.random(20_000) < probabilities)
    assert sum(part.low <= part.said <= part.high for part in bins) >= 8
