"""What the parts of a plan's export agree on: the columns between feature steps and models, and how to refuse."""

from __future__ import annotations

from dataclasses import dataclass


class PlanRefused(Exception):
    """This predictor, or a part of it, has no plan; the text is the reason, one sentence for the manifest."""


@dataclass(frozen=True)
class EncodedColumn:
    """One column of the matrix that the feature steps make and every model reads, always float64.

    Attributes:
        name: The name that AutoGluon's pipeline gives the column.
        levels: For a category the number of its levels; its values are then codes from 0, NaN for a value that training
            has not seen. None for a number.
    """

    name: str
    levels: int | None = None


def name_class(item: object) -> str:
    """The full name of an object's own class: subclasses may compute otherwise, so plans know classes exactly."""
    return f"{type(item).__module__}.{type(item).__qualname__}"
