"""What one version did, and where two versions differed on the same rows. Any number of tallies can be joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from app.serving.rollout.comparison.moments import Moments, Times

# Bounds the time and the memory of a comparison: of a larger request, and of a model with more classes, the first ones.
MOST_ROWS_COMPARED = 100
_MOST_CLASSES = 50

Probabilities = Sequence[Mapping[str, float]] | None


class Tally:
    """Requests, errors, times and answers of one version.

    Attributes:
        requests: Those that it was asked, with and without an answer.
        errors: Those that it could not answer.
        labels: How often each class was answered; empty for numbers.
        values: Probabilities by class, numbers by level; the level of a plain number is empty.
    """

    def __init__(self) -> None:
        self.requests = self.rows = self.errors = 0
        self.times = Times()
        self.labels: dict[str, int] = {}
        self.values: dict[str, Moments] = {}

    def add_answer(self, labels: Sequence[Any], probabilities: Probabilities, *, seconds: float | None) -> None:
        """Count one request with its answers; `seconds` is the model's part of its time, None where it is not known."""
        self.requests += 1
        self.rows += len(labels)
        if seconds is not None:
            self.times.add(seconds)
        if probabilities is None:
            for label in labels[:MOST_ROWS_COMPARED]:
                self._add_values(_name_numbers(label))
            return
        for label in labels[:MOST_ROWS_COMPARED]:
            name = str(label)
            if name in self.labels or len(self.labels) < _MOST_CLASSES:
                self.labels[name] = self.labels.get(name, 0) + 1
        for row in probabilities[:MOST_ROWS_COMPARED]:
            self._add_values(row)

    def add_error(self) -> None:
        self.requests += 1
        self.errors += 1

    def merge(self, other: Tally) -> None:
        self.requests += other.requests
        self.rows += other.rows
        self.errors += other.errors
        self.times.merge(other.times)
        for name, count in other.labels.items():
            self.labels[name] = self.labels.get(name, 0) + count
        for name, moments in other.values.items():
            self.values.setdefault(name, Moments()).merge(moments)

    def _add_values(self, values: Mapping[str, float]) -> None:
        for name, value in islice(values.items(), _MOST_CLASSES):
            moments = self.values.get(name)
            if moments is None:
                moments = self.values[name] = Moments()
            moments.add(value)

    def to_dict(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "rows": self.rows,
            "errors": self.errors,
            "times": self.times.to_dict(),
            "labels": self.labels,
            "values": {name: moments.to_list() for name, moments in self.values.items()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Tally:
        tally = cls()
        tally.requests, tally.rows, tally.errors = values["requests"], values["rows"], values["errors"]
        tally.times = Times.from_dict(values["times"])
        tally.labels = dict(values["labels"])
        tally.values = {name: Moments.from_list(item) for name, item in values["values"].items()}
        return tally


class Differences:
    """Answers of two versions to the same rows.

    Attributes:
        rows: Rows that both answered.
        other_labels: Those of classes whose labels differ.
        absolute: Of each row, the largest difference of a probability, or of a number.
        relative: Of each row of numbers, the largest difference as a part of the larger number.
    """

    def __init__(self) -> None:
        self.rows = self.other_labels = 0
        self.absolute = Moments()
        self.relative = Moments()

    def add(
        self, labels: Sequence[Any], probabilities: Probabilities, base_labels: Sequence[Any], base: Probabilities
    ) -> None:
        for position, (label, base_label) in enumerate(zip(labels, base_labels, strict=True)):
            self.rows += 1
            if probabilities is None or base is None:
                self._add_numbers(_name_numbers(label), _name_numbers(base_label))
            else:
                self.other_labels += label != base_label
                self.absolute.add(_largest_difference(probabilities[position], base[position]))

    def _add_numbers(self, numbers: Mapping[str, float], base: Mapping[str, float]) -> None:
        self.absolute.add(_largest_difference(numbers, base))
        shared = [(numbers[name], base[name]) for name in numbers if name in base]
        self.relative.add(max((_relative_difference(one, other) for one, other in shared), default=0.0))

    def merge(self, other: Differences) -> None:
        self.rows += other.rows
        self.other_labels += other.other_labels
        self.absolute.merge(other.absolute)
        self.relative.merge(other.relative)

    def to_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "other_labels": self.other_labels,
            "absolute": self.absolute.to_list(),
            "relative": self.relative.to_list(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Differences:
        differences = cls()
        differences.rows, differences.other_labels = values["rows"], values["other_labels"]
        differences.absolute = Moments.from_list(values["absolute"])
        differences.relative = Moments.from_list(values["relative"])
        return differences


def _name_numbers(label: Any) -> Mapping[str, float]:
    return label if isinstance(label, dict) else {"": float(label)}


def _largest_difference(values: Mapping[str, float], base: Mapping[str, float]) -> float:
    """Over all names of either side; what a side does not name counts as 0, as a class it does not know."""
    return max(abs(values.get(name, 0.0) - base.get(name, 0.0)) for name in {**values, **base})


def _relative_difference(one: float, other: float) -> float:
    larger = max(abs(one), abs(other))
    return abs(one - other) / larger if larger else 0.0
