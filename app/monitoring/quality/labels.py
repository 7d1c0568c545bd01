"""Which answer of a model a true outcome is: classes and numbers, as callers write them and as models do."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.release.manifest import Manifest

Outcome = str | int | float | bool

_MOST_CLASSES_SHOWN = 20
_TRUTHS = ("true", "false")


@dataclass(frozen=True)
class AnswerForm:
    """What outcomes of a model may be: one of its classes, by their texts, or a number where it has none."""

    classes: tuple[str, ...] | None

    def fits(self, outcome: Outcome) -> bool:
        if self.classes is None:
            return read_number(outcome) is not None
        return write_label(outcome) in self.classes


def find_form(manifest: Manifest) -> AnswerForm:
    labels = manifest.class_labels
    return AnswerForm(None if labels is None else tuple(map(write_label, labels)))


def write_label(label: Outcome) -> str:
    """The text by which a class is known: 1, 1.0 and "1" are one class, as are true and "True"."""
    if isinstance(label, bool):
        return str(label).lower()
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    text = str(label).strip()
    return text.lower() if text.lower() in _TRUTHS else text


def number_classes(labels: Sequence[Outcome]) -> Mapping[str, int]:
    """The position of each class by its text."""
    return {write_label(label): position for position, label in enumerate(labels)}


def read_number(outcome: Outcome) -> float | None:
    """The number that an outcome is, also where it is written as text; None when it is none."""
    if isinstance(outcome, bool):
        return None
    try:
        number = float(outcome)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def describe_forms(forms: Iterable[AnswerForm]) -> str:
    """What is expected of an outcome, for the caller whose outcome fits none of these."""
    known = tuple(forms)
    labels = dict.fromkeys(label for form in known for label in form.classes or ())
    shown = ", ".join([*labels][:_MOST_CLASSES_SHOWN]) + (", ..." if len(labels) > _MOST_CLASSES_SHOWN else "")
    choices = [f"one of the classes {shown}"] if labels else []
    if any(form.classes is None for form in known):
        choices.append("a number")
    return f"Expected {' or '.join(choices)}."
