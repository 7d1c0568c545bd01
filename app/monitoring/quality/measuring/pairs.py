"""Predictions and their true outcomes, in the coding that metrics take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from app.monitoring.quality.labels import Outcome, number_classes, read_number, write_label
from app.release.manifest import Manifest, ProblemType

Numbers = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One prediction as the log has it.

    Attributes:
        label: A class, a number, or for quantile models level to number.
        probabilities: One for each of `classes`; None where the model has none.
    """

    label: Any
    probabilities: Sequence[float] | None = None
    classes: Sequence[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Predictions with their outcomes.

    Attributes:
        truth: Positions of classes for classifiers, as in the manifest; else numbers.
        predicted: Coded like `truth`; one column for each level of a quantile model.
        probabilities: One column for each class; None where there are none.
        positive: Position of the positive class of a binary model.
        unfit: Outcomes that the model could not have answered; they are in none of the arrays.
    """

    problem_type: ProblemType
    truth: Numbers
    predicted: Numbers
    probabilities: Numbers | None = None
    positive: int = 1
    classes: int = 0
    quantile_levels: tuple[float, ...] = ()
    unfit: int = 0

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, rows: Numbers) -> Pairs:
        probabilities = None if self.probabilities is None else self.probabilities[rows]
        return replace(self, truth=self.truth[rows], predicted=self.predicted[rows], probabilities=probabilities)


def code_pairs(manifest: Manifest, told: Iterable[tuple[Answered, Outcome]]) -> Pairs:
    """Predictions of one version and what turned out to be true; those whose outcome does not fit it are counted."""
    pairs = list(told)
    if manifest.class_labels is not None:
        return _code_classes(manifest, pairs)
    numbers = [(answer.label, read_number(outcome)) for answer, outcome in pairs]
    fitting = [(label, number) for label, number in numbers if number is not None]
    levels = manifest.quantile_levels or ()
    columns = [[value for _, value in sorted(_read_levels(label))] for label, _ in fitting] if levels else None
    return Pairs(
        problem_type=manifest.problem_type,
        truth=np.array([number for _, number in fitting], dtype=float),
        predicted=np.array(columns if columns is not None else [label for label, _ in fitting], dtype=float),
        quantile_levels=tuple(sorted(levels)),
        unfit=len(pairs) - len(fitting),
    )


def code_probabilities(manifest: Manifest, answers: Sequence[Answered]) -> tuple[Numbers, Numbers]:
    """The answered class of each row, and the probability of every class in the order of the manifest."""
    by_order: dict[tuple[str, ...], list[int]] = {}
    for row, answer in enumerate(answers):
        by_order.setdefault(tuple(answer.classes or ()), []).append(row)
    labels = np.empty(len(answers), dtype=np.intp)
    coded = np.zeros((len(answers), len(manifest.class_labels or ())))
    for order, rows in by_order.items():
        said = np.array([answers[row].probabilities for row in rows], dtype=float)
        labels[rows], coded[rows] = code_rows(manifest, [answers[row].label for row in rows], said, order)
    return labels, coded


def code_rows(
    manifest: Manifest, labels: Sequence[Any], said: Numbers, order: Sequence[str]
) -> tuple[Numbers, Numbers]:
    """The same of rows whose probabilities all come in one order of the classes."""
    positions = number_classes(manifest.class_labels or ())
    coded = np.zeros((len(labels), len(positions)))
    coded[:, [positions[write_label(name)] for name in order]] = said
    return np.array([positions[write_label(label)] for label in labels], dtype=np.intp), coded


def find_positive(manifest: Manifest) -> int:
    """The position of the positive class; of no meaning where there are not two."""
    labels = [write_label(label) for label in manifest.class_labels or ()]
    if manifest.positive_class is None:
        return 1
    return labels.index(write_label(manifest.positive_class))


def _code_classes(manifest: Manifest, pairs: Sequence[tuple[Answered, Outcome]]) -> Pairs:
    positions = number_classes(manifest.class_labels or ())
    fitting = [
        (answer, truth) for answer, outcome in pairs if (truth := positions.get(write_label(outcome))) is not None
    ]
    answers = [answer for answer, _ in fitting]
    has_probabilities = bool(answers) and all(answer.probabilities is not None for answer in answers)
    if has_probabilities:
        predicted, probabilities = code_probabilities(manifest, answers)
    else:
        predicted = np.array([positions[write_label(answer.label)] for answer in answers], dtype=np.intp)
    return Pairs(
        problem_type=manifest.problem_type,
        truth=np.array([truth for _, truth in fitting], dtype=np.intp),
        predicted=predicted,
        probabilities=probabilities if has_probabilities else None,
        positive=find_positive(manifest),
        classes=len(positions),
        unfit=len(pairs) - len(fitting),
    )


def _read_levels(label: Any) -> Iterable[tuple[float, float]]:
    return ((float(level), float(value)) for level, value in label.items())
