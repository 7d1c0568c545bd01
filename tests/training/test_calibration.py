from __future__ import annotations

import numpy as np
import pytest

from app.release.profile.calibration import Calibration
from app.training.calibration import LEAST_ROWS, learn_calibration
from app.training.gate.metrics import Answers

ROWS = 4000


def make_answers(*, rows: int = ROWS, sharpened: float = 1.0, seed: int = 0) -> Answers:
    """Probabilities that hold, made bolder than they should be."""
    random = np.random.default_rng(seed)
    true = random.beta(1.5, 3, rows)
    truth = (random.random(rows) < true).astype(int)
    odds = (true / (1 - true)) ** sharpened
    said = odds / (1 + odds)
    return Answers(problem_type="binary", truth=truth, predicted=(said > 0.5).astype(int), probabilities=said)


def measure_gap(calibration: Calibration, answers: Answers) -> float:
    """How far the mean of what is said lies from the share that comes true, among bold answers."""
    said = np.stack([1 - np.asarray(answers.probabilities), np.asarray(answers.probabilities)], axis=1)
    bold = said[:, 1] > 0.6
    return abs(float(calibration.apply(said)[bold, 1].mean() - answers.truth[bold].mean()))


def test_probabilities_that_are_too_bold_are_put_right() -> None:
    calibration = learn_calibration(make_answers(sharpened=2.5))
    assert calibration is not None
    assert calibration.method in ("isotonic", "logistic")
    fresh = make_answers(sharpened=2.5, seed=1)
    assert measure_gap(calibration, fresh) < 0.03 < measure_gap(Calibration(method="none", rows=0), fresh)


def test_few_rows_teach_nothing() -> None:
    calibration = learn_calibration(make_answers(rows=LEAST_ROWS - 1, sharpened=2.5))
    assert calibration == Calibration(method="none", rows=LEAST_ROWS - 1)


def test_numbers_have_no_calibration() -> None:
    assert learn_calibration(Answers(problem_type="regression", truth=np.ones(9), predicted=np.ones(9))) is None


def test_of_many_classes_each_has_a_line_and_rows_still_sum_to_one() -> None:
    random = np.random.default_rng(0)
    true = random.dirichlet(np.ones(3), ROWS)
    truth = (random.random((ROWS, 1)) > true.cumsum(axis=1)).sum(axis=1)
    said = true**3 / (true**3).sum(axis=1, keepdims=True)
    calibration = learn_calibration(
        Answers(problem_type="multiclass", truth=truth, predicted=said.argmax(axis=1), probabilities=said)
    )
    assert calibration is not None
    assert len(calibration.classes) == 3
    calibrated = calibration.apply(said)
    assert calibrated.sum(axis=1) == pytest.approx(1.0)
    is_true = np.eye(3)[truth]
    assert ((calibrated - is_true) ** 2).mean() < ((said - is_true) ** 2).mean()
