"""The arrays of several of CatBoost's models as those of one, so that a row is looked up once for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = Mapping[str, npt.NDArray[Any]]


def join_arrays(models: Sequence[Arrays]) -> dict[str, npt.NDArray[Any]]:
    """Put models without hashed look-ups side by side: what refers to places counts on from one model to the next.

    Args:
        models: What the files of each hold, with its `columns`, `leaves` and table of statistics, `ctrs`.
    """
    features, splits, leaves, table, combinations, statistics, categories, bits = (
        _count_up(models, part)
        for part in (
            "columns",
            "split_source",
            "leaves",
            "ctrs",
            "dense_digit",
            "ctr_row",
            "category_source",
            "bit_source",
        )
    )
    joined = {part: np.concatenate([own[part] for own in models]) for part in _AS_THEY_ARE}
    longest = max(len(own["dense_digit"]) for own in models)
    shifted: dict[str, list[npt.NDArray[Any]]] = {part: [] for part in _SHIFTED}
    for place, own in enumerate(models):
        own_features, own_categories = len(own["columns"]), len(own["category_source"])
        source, digit = own["split_source"], own["dense_digit"]
        after = features[-1] + statistics[place] - own_features
        shifted["split_source"].append(source + np.where(source < own_features, features[place], after))
        after = categories[-1] + bits[place] - own_categories
        digit = digit + np.where(digit < own_categories, categories[place], after)
        missing = ((0, longest - len(digit)), (0, 0))
        shifted["dense_digit"].append(np.pad(digit, missing))
        shifted["dense_stride"].append(np.pad(own["dense_stride"], missing))
        shifted["category_source"].append(own["category_source"] + features[place])
        shifted["bit_source"].append(own["bit_source"] + features[place])
        shifted["ctr_row"].append(own["ctr_row"] + combinations[place])
        shifted["ctr_start"].append(own["ctr_start"] + table[place])
        shifted["tree_split"].append(own["tree_split"] + splits[place])
        shifted["leaf_start"].append(own["leaf_start"] + leaves[place])
    return joined | {part: np.concatenate(own, axis=_AXES.get(part, 0)) for part, own in shifted.items()}


_AS_THEY_ARE = ("columns", "fill", "split_limit", "bit_limit", "leaves", "ctrs", "unknown_rank")
_SHIFTED = (
    "split_source",
    "dense_digit",
    "dense_stride",
    "category_source",
    "bit_source",
    "ctr_row",
    "ctr_start",
    "tree_split",
    "leaf_start",
)
_AXES = {"dense_digit": 1, "dense_stride": 1}


def _count_up(models: Sequence[Arrays], part: str) -> list[int]:
    """Where the part of each model begins, and where the last ends."""
    lengths = [own[part].shape[_AXES.get(part, 0)] for own in models]
    return [0, *np.cumsum(lengths).tolist()]
