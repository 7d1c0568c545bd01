"""Changes of one feature that drift has to find, made to rows as the model sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import pstdev
from typing import Any

import numpy as np

from app.release.profile.reference import find_kind
from app.release.schema import Feature

Values = Sequence[Any]
Change = Callable[[Values, Feature, np.random.Generator], list[Any] | None]
"""Gives the values of a column after the change; None where the feature cannot change so."""

NULL_SHARE, CATEGORY_SHARE = 0.20, 0.02


def shift(values: Values, feature: Feature, random: np.random.Generator) -> list[Any] | None:
    known = [value for value in values if value is not None]
    if find_kind(feature) != "number" or len(set(known)) < 2:
        return None
    by = 0.5 * pstdev(known)
    by = max(1, round(by)) if feature.type == "int" else by
    return [value if value is None else value + by for value in values]


def change_unit(values: Values, feature: Feature, random: np.random.Generator) -> list[Any] | None:
    if find_kind(feature) != "number":
        return None
    return [value if value is None else value * 1000 for value in values]


def add_category(values: Values, feature: Feature, random: np.random.Generator) -> list[Any] | None:
    if find_kind(feature) != "category" or feature.two_valued:
        return None
    new: Any = "never seen before" if isinstance((feature.categories or ("",))[0], str) else 987_654
    return [
        new if draw < CATEGORY_SHARE else value for draw, value in zip(random.random(len(values)), values, strict=True)
    ]


def lose_values(values: Values, feature: Feature, random: np.random.Generator) -> list[Any] | None:
    if sum(value is None for value in values) > len(values) / 10:
        return None
    return [
        None if draw < NULL_SHARE else value for draw, value in zip(random.random(len(values)), values, strict=True)
    ]


CHANGES: Mapping[str, Change] = {
    "mean + 0.5 sd": shift,
    "unit x 1000": change_unit,
    "new category 2 %": add_category,
    "nulls 20 %": lose_values,
}
