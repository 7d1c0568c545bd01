"""Columns of rows and of answers as what bins count: numbers with NaN for null, or categories with None."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from app.release.profile.reference import Kind, View
from app.release.schema import Feature

ReadDate = Callable[[str, Feature], float | None]
"""Gives a date as seconds since 1970; None for what is no date."""


def read_column(values: Sequence[Any], kind: Kind, feature: Feature, read_date: ReadDate) -> Any:
    """The column of a feature, from what the model saw of it."""
    if kind == "number":
        return np.array(values, np.float64)
    if kind == "date":
        # Days come again.
        known = {value: read_date(value, feature) for value in set(values) if value is not None}
        return np.array([known.get(value) for value in values], np.float64)
    if kind == "text":
        return np.array([math.nan if value is None else len(value) for value in values], np.float64)
    return values


def read_answers(
    view: View, of: str | None, labels: Sequence[Any], probabilities: Sequence[Mapping[str, float]] | None
) -> Any:
    """The column of answers, as one view has them."""
    key: Any = of
    if view == "class":
        return labels
    if view == "value":
        return np.array(labels, np.float64)
    if view == "quantile":
        return np.array([label[key] for label in labels], np.float64)
    rows = probabilities or ()
    if view == "probability":
        return np.array([row[key] for row in rows], np.float64)
    return np.array([max(row.values()) for row in rows], np.float64)
