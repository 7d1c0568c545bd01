"""Learns from held-out rows what a classifier's probabilities are worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from app.release.profile.calibration import Calibration, ClassCalibration
from app.training.gate.metrics import Answers

Numbers = npt.NDArray[Any]
Learn = Callable[[Numbers, Numbers], ClassCalibration]

FOLDS = 5
LEAST_ROWS = 100

_MOST_POINTS = 200
_LEAST_PROBABILITY = 1e-6
_SEED = 0


def learn_calibration(answers: Answers, *, positive: int = 1) -> Calibration | None:
    """Find the line from said to true probabilities of each class that holds best on rows it was not learnt on.

    A logistic line (Platt, Advances in Large Margin Classifiers, 1999), a rising one of any form (isotonic: Zadrozny
    and Elkan, KDD 2002, one class against all others, then made to sum to 1) and none are compared by the mean squared
    error in five folds.

    Args:
        positive: Position of the positive class of a binary model.
    """
    if answers.probabilities is None:
        return None
    said, truth = _arrange(answers, positive)
    rows = len(truth)
    none = Calibration(method="none", rows=rows)
    if rows < LEAST_ROWS:
        return none
    learners: dict[Any, Learn] = {"logistic": _learn_logistic, "isotonic": _learn_isotonic}
    errors = {method: _cross_validate(said, truth, learn) for method, learn in learners.items()}
    best = min(errors, key=lambda method: errors[method])
    if errors[best] >= _measure_error(said, truth):
        return none
    return Calibration(method=best, rows=rows, classes=_learn_classes(said, truth, learners[best]))


def _arrange(answers: Answers, positive: int) -> tuple[Numbers, Numbers]:
    """Probabilities with a column for each class, and the position of the true one."""
    said = np.asarray(answers.probabilities, dtype=float)
    truth = np.asarray(answers.truth, dtype=int)
    if answers.problem_type != "binary":
        return said, truth
    return (
        (np.stack([1 - said, said], axis=1), truth)
        if positive == 1
        else (np.stack([said, 1 - said], axis=1), 1 - truth)
    )


def _cross_validate(said: Numbers, truth: Numbers, learn: Learn) -> float:
    folds = np.random.default_rng(_SEED).permutation(len(truth)) % FOLDS
    calibrated = np.empty_like(said)
    for fold in range(FOLDS):
        held = folds == fold
        lines = _learn_classes(said[~held], truth[~held], learn)
        calibrated[held] = Calibration(method="none", rows=0, classes=lines).apply(said[held])
    return _measure_error(calibrated, truth)


def _measure_error(said: Numbers, truth: Numbers) -> float:
    """Brier's score: Monthly Weather Review 78 (1950)."""
    is_true = np.eye(said.shape[1])[truth]
    return float(((said - is_true) ** 2).sum(axis=1).mean())


def _learn_classes(said: Numbers, truth: Numbers, learn: Learn) -> tuple[ClassCalibration, ...]:
    return tuple(learn(said[:, position], (truth == position).astype(float)) for position in range(said.shape[1]))


def _learn_isotonic(said: Numbers, came_true: Numbers) -> ClassCalibration:
    line = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(said, came_true)
    points = np.unique(np.linspace(0, len(line.X_thresholds_) - 1, _MOST_POINTS).round().astype(int))
    return ClassCalibration(line.X_thresholds_[points].tolist(), line.y_thresholds_[points].tolist())


def _learn_logistic(said: Numbers, came_true: Numbers) -> ClassCalibration:
    points = 1 / (1 + np.exp(-np.linspace(_to_log_odds(np.array(0.0)), _to_log_odds(np.array(1.0)), _MOST_POINTS)))
    if came_true.min() == came_true.max():
        return ClassCalibration([0.0, 1.0], [float(came_true[0])] * 2)
    line = LogisticRegression(C=1e6).fit(_to_log_odds(said).reshape(-1, 1), came_true)
    true = line.predict_proba(_to_log_odds(points).reshape(-1, 1))[:, 1]
    return ClassCalibration(points.tolist(), true.tolist())


def _to_log_odds(said: Numbers) -> Any:
    bounded = np.clip(said, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return np.log(bounded / (1 - bounded))
