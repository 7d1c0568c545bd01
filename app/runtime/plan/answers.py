"""The last step of a plan: from numbers to labels and class probabilities, as predict and predict_proba give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.errors import PredictionFailed
from app.runtime.plan.joint import Answers
from app.runtime.predictions import Numbers, PredictedColumns, Predictions


class NumberAnswers:
    """Regression: the number is the answer."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        del document

    def describe(self, answers: Answers) -> Predictions:
        return Predictions(answers.tolist(), None)

    def list_columns(self, answers: Answers) -> PredictedColumns:
        return PredictedColumns(answers.astype(np.float64), {})


class QuantileAnswers:
    """One number per level."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._levels: list[str] = document["names"]

    def describe(self, answers: Answers) -> Predictions:
        return Predictions([dict(zip(self._levels, row, strict=True)) for row in answers.tolist()], None)

    def list_columns(self, answers: Answers) -> PredictedColumns:
        return PredictedColumns(None, _name_columns(self._levels, answers))


class BinaryAnswers:
    """The probability of the second class decides by the model's threshold."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._names: list[str] = document["names"]
        self._labels: list[Any] = document["labels"]
        threshold: float = document["threshold"]
        # NumPy compares 32-bit answers with a plain number in 32 bits, with one of its own in 64: so does AutoGluon.
        self._threshold = np.float64(threshold) if document["threshold_in_float64"] else threshold

    def describe(self, answers: Answers) -> Predictions:
        no, yes = self._names
        return Predictions(
            self._choose_labels(answers),
            [{no: p_no, yes: p_yes} for p_no, p_yes in zip((1 - answers).tolist(), answers.tolist(), strict=True)],
        )

    def list_columns(self, answers: Answers) -> PredictedColumns:
        both = np.stack([1 - answers, answers], axis=1)
        return PredictedColumns(self._choose_labels(answers), _name_columns(self._names, both))

    def _choose_labels(self, answers: Answers) -> list[Any]:
        labels = self._labels
        return [labels[is_yes] for is_yes in (answers > self._threshold).tolist()]


class ClassAnswers:
    """The most probable class. Classes too rare to be trained on have a probability of zero."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._names: list[str] = document["names"]
        self._labels: list[Any] = document["labels"]
        self._trained: list[int] | None = document["trained"]

    def describe(self, answers: Answers) -> Predictions:
        filled, names = self._fill_classes(answers), self._names
        return Predictions(self._choose_labels(filled), [dict(zip(names, row, strict=True)) for row in filled.tolist()])

    def list_columns(self, answers: Answers) -> PredictedColumns:
        filled = self._fill_classes(answers)
        return PredictedColumns(self._choose_labels(filled), _name_columns(self._names, filled))

    def _fill_classes(self, answers: Answers) -> Answers:
        """(rows, classes)"""
        if answers.ndim == 1:
            answers = np.stack([1 - answers, answers], axis=1)
        if self._trained is None:
            return answers
        filled = np.zeros((len(answers), len(self._names)), dtype=np.float32)
        filled[:, self._trained] = answers
        return filled

    def _choose_labels(self, answers: Answers) -> list[Any]:
        return [self._labels[best] for best in answers.argmax(axis=1).tolist()]


AnswerForm = NumberAnswers | QuantileAnswers | BinaryAnswers | ClassAnswers

_BY_KIND: Mapping[str, type[AnswerForm]] = {
    "number": NumberAnswers,
    "quantile": QuantileAnswers,
    "binary": BinaryAnswers,
    "class": ClassAnswers,
}


def make_answers(document: Mapping[str, Any]) -> AnswerForm:
    return _BY_KIND[document["kind"]](document)


def _name_columns(names: Sequence[str], answers: Answers) -> dict[str, Numbers]:
    """The columns of a matrix of answers, in 64 bits as lists of numbers are."""
    return dict(zip(names, answers.T.astype(np.float64, order="C"), strict=True))


def refuse_non_finite(answers: Answers) -> None:
    """Raises PredictionFailed when an answer is not a finite number."""
    if not np.isfinite(answers).all():
        raise PredictionFailed("The model answered with a value that is not a finite number.")
