"""The arithmetic between the models of a plan: bags, weights, normalisation, calibration.

Step by step in the order and the precision of AutoGluon's own (autogluon.core.models 1.6), so that results agree to the
bit; each row by itself, so that they do not depend on the rows beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Answers = npt.NDArray[Any]

_SMALLEST_PROBABILITY = 1e-7
_LARGEST_PROBABILITY = 1 - _SMALLEST_PROBABILITY


class PlanModel(Protocol):
    """One fitted model. Answers are (rows,) for binary and regression, else (rows, classes or quantile levels)."""

    def predict(self, matrix: Matrix) -> Answers: ...


class Calibration:
    """What AutoGluon does to a model's answers after training: nothing, temperature scaling or conformal additions."""

    def __init__(self, document: Mapping[str, Any] | None) -> None:
        known = document or {}
        self._temperature: float | None = known.get("temperature")
        additions = known.get("additions")
        self._additions = None if additions is None else np.array(additions)

    def apply(self, answers: Answers) -> Answers:
        if self._temperature is not None:
            return _scale_temperature(answers, self._temperature)
        if self._additions is not None:
            answers = (answers + self._additions).astype(answers.dtype, copy=False)
        return answers


@dataclass(frozen=True)
class Member:
    """One model of a bag.

    Attributes:
        normalize: Move probabilities of 0 and 1 away from the ends, as logarithms need.
    """

    model: PlanModel
    normalize: bool
    calibration: Calibration

    def predict(self, matrix: Matrix) -> Answers:
        answers = self.model.predict(matrix)
        if self.normalize:
            answers = keep_inside_unit_interval(answers)
        return self.calibration.apply(answers.astype(np.float32, copy=False))


class Bag:
    """Models of one kind trained on different folds: their mean."""

    def __init__(self, members: Sequence[Member], calibration: Calibration) -> None:
        self._members = members
        self._calibration = calibration

    def predict(self, matrix: Matrix) -> Answers:
        first, *others = self._members
        answers = first.predict(matrix)
        for member in others:
            answers = answers + member.predict(matrix)
        if others:
            answers = answers / len(self._members)
        return self._calibration.apply(answers)


class Weighting:
    """The weighted ensemble over the bags."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        numbers = document["weights"]
        self._weights: list[Any] = [np.float64(number) for number in numbers] if document["in_float64"] else numbers
        self._normalize: bool = document["normalize"]
        self._calibrations = [Calibration(document[name]) for name in ("calibration", "outer_calibration")]

    def join(self, answers_of_bags: Sequence[Answers]) -> Answers:
        weighted = zip(answers_of_bags, self._weights, strict=True)
        answers, weight = next(weighted)
        joined: Answers = answers * weight
        for answers, weight in weighted:
            joined = joined + answers * weight
        if self._normalize:
            joined = keep_inside_unit_interval(joined)
        joined = joined.astype(np.float32, copy=False)
        for calibration in self._calibrations:
            joined = calibration.apply(joined)
        return joined


class Ensemble:
    """All models of a plan and how their answers become one."""

    def __init__(self, bags: Sequence[Bag], weighting: Weighting | None) -> None:
        self._bags = bags
        self._weighting = weighting

    def predict(self, matrix: Matrix) -> Answers:
        if self._weighting is None:
            return self._bags[0].predict(matrix)
        return self._weighting.join([bag.predict(matrix) for bag in self._bags])


def keep_inside_unit_interval(probabilities: Answers) -> Answers:
    """Move probabilities to at least 1e-7 from 0 and 1, keeping their order: (rows,) or (rows, classes)."""
    if len(probabilities) == 1 and _is_inside(probabilities):
        return probabilities
    if probabilities.ndim == 1:
        return _keep_one_class_inside(probabilities)
    return _keep_classes_inside(probabilities)


def _is_inside(probabilities: Answers) -> bool:
    """For one row: plain numbers compare in a tenth of the time that NumPy needs for so few."""
    numbers: list[float] = probabilities.ravel().tolist()
    is_below = probabilities.ndim > 1 or numbers[0] <= _LARGEST_PROBABILITY
    return is_below and min(numbers) >= _SMALLEST_PROBABILITY


def _keep_one_class_inside(probabilities: Answers) -> Answers:
    if probabilities.max() > _LARGEST_PROBABILITY:
        excess = probabilities - _LARGEST_PROBABILITY
        moved = 1 - _SMALLEST_PROBABILITY * np.exp(-excess)
        probabilities = np.where(probabilities > _LARGEST_PROBABILITY, moved, probabilities)
    if probabilities.min() < _SMALLEST_PROBABILITY:
        lack = _SMALLEST_PROBABILITY - probabilities
        moved = _SMALLEST_PROBABILITY * np.exp(-lack)
        probabilities = np.where(probabilities < _SMALLEST_PROBABILITY, moved, probabilities)
    return probabilities


def _keep_classes_inside(probabilities: Answers) -> Answers:
    """AutoGluon moves all rows of a batch when one of them needs it; here each row is moved when it needs it itself."""
    if not probabilities.min() < _SMALLEST_PROBABILITY:
        return probabilities
    smallest = probabilities.min(axis=1, keepdims=True)
    raised = np.maximum(probabilities - np.minimum(smallest, 0), _SMALLEST_PROBABILITY)
    moved = raised / raised.sum(axis=1, keepdims=True)
    return np.where(smallest < _SMALLEST_PROBABILITY, moved, probabilities)


def _scale_temperature(probabilities: Answers, temperature: float) -> Answers:
    """Guo et al., On Calibration of Modern Neural Networks (2017): softmax of the logarithms over a temperature."""
    is_binary = probabilities.ndim == 1
    if is_binary:
        both = np.empty((len(probabilities), 2))
        both[:, 0] = 1 - probabilities
        both[:, 1] = probabilities
        probabilities = both
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    scaled: Answers = powers / powers.sum(axis=1, keepdims=True)
    return scaled[:, 1] if is_binary else scaled
