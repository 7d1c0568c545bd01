"""The arithmetic between the models of a plan: bags, weights, normalisation, calibration.

Step by step in the order and the precision of AutoGluon's own (autogluon.core.models 1.6), so that results agree to the
bit; each row by itself, so that they do not depend on the rows beside it. The answer of one row may be a single number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.runtime.plan.joint import Answers, JointModels, Matrix, PlanModel

_SMALLEST_PROBABILITY = 1e-7
_LARGEST_PROBABILITY = 1 - _SMALLEST_PROBABILITY


class Calibration:
    """What AutoGluon does to a model's answers after training: nothing, temperature scaling or conformal additions."""

    def __init__(self, document: Mapping[str, Any] | None) -> None:
        known = document or {}
        self._temperature: float | None = known.get("temperature")
        additions = known.get("additions")
        self._additions = None if additions is None else np.array(additions)

    def apply(self, answers: Answers) -> Answers:
        if self._temperature is not None:
            scaled = _scale_temperature(np.atleast_1d(answers), self._temperature)
            return scaled if answers.ndim else scaled[0]
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

    def finish(self, answers: Answers) -> Answers:
        """From what the model answers to what AutoGluon's does."""
        if self.normalize:
            answers = keep_inside_unit_interval(answers)
        return self.calibration.apply(answers.astype(np.float32, copy=False))


class Bag:
    """Models of one kind trained on different folds: their mean."""

    def __init__(self, members: Sequence[Member], calibration: Calibration) -> None:
        self.members = members
        self._calibration = calibration

    def join(self, answers_of_models: Sequence[Answers]) -> Answers:
        first, *others = [
            member.finish(answers) for member, answers in zip(self.members, answers_of_models, strict=True)
        ]
        joined = first
        for answers in others:
            joined = joined + answers
        if others:
            joined = joined / len(self.members)
        return self._calibration.apply(joined)


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
        self._models = [member.model for bag in bags for member in bag.members]
        self._joint = JointModels(self._models)

    def predict(self, matrix: Matrix) -> Answers:
        if len(matrix) > 1:
            return self._join([model.predict(matrix) for model in self._models])
        of_models = self._joint.ask(matrix)
        if of_models[0].ndim > 1:
            return self._join(of_models)
        # The same steps on single numbers take a fifth of the time that they take on arrays of one.
        return np.array([self._join([answers[0] for answers in of_models])])

    def _join(self, of_models: Sequence[Answers]) -> Answers:
        rest = iter(of_models)
        of_bags = [bag.join([next(rest) for _ in bag.members]) for bag in self._bags]
        return of_bags[0] if self._weighting is None else self._weighting.join(of_bags)


def keep_inside_unit_interval(probabilities: Answers) -> Answers:
    """Move probabilities to at least 1e-7 from 0 and 1, keeping their order: one, (rows,) or (rows, classes)."""
    if probabilities.ndim == 0:
        is_inside = _SMALLEST_PROBABILITY <= float(probabilities) <= _LARGEST_PROBABILITY
        return probabilities if is_inside else _keep_one_class_inside(np.atleast_1d(probabilities))[0]
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
