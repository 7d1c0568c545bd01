"""Looks up CatBoost's target statistics for rows; the arrays are those of app/release/plan/models/catboost_ctrs.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Indexes = npt.NDArray[np.intp]
_HASH_FACTOR = np.array(0x4906BA494954CB65, dtype=np.uint64)


class NoCtrs:
    """A model whose trees only look at numbers."""

    def extend(self, values: Values) -> Values:
        return values


class Ctrs:
    """The target statistics of one model.

    A row's digits are its category codes and whether its numbers pass certain limits. Each combination of digits gives
    a row number, by strides or by a look-up of its hash; each statistic is the value at that row of its table.
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self._categories = arrays["category_source"].astype(np.intp)
        self._bits = arrays["bit_source"].astype(np.intp)
        self._limits = arrays["bit_limit"][:, None]
        self._members = arrays["dense_digit"].astype(np.intp)
        self._strides = arrays["dense_stride"].astype(np.intp)[..., None]
        self._lookup = _HashLookup(arrays) if len(arrays["unknown_rank"]) else None
        self._rows = arrays["ctr_row"].astype(np.intp)
        self._starts = arrays["ctr_start"].astype(np.intp)[:, None]
        self._table = arrays["ctrs"]

    def extend(self, values: Values) -> Values:
        """(features, rows) -> (features and statistics, rows)."""
        bits = values.take(self._bits, axis=0) > self._limits
        codes = values.take(self._categories, axis=0)
        digits = np.concatenate((codes, bits), dtype=np.intp, casting="unsafe")
        rows = np.add.reduce(digits.take(self._members, axis=0) * self._strides)
        if self._lookup:
            rows = np.concatenate((rows, self._lookup.find_rows(digits)))
        statistics = self._table.take(rows.take(self._rows, axis=0) + self._starts)
        return np.concatenate((values, statistics))


class _HashLookup:
    """Combinations of too many values for a table each: the row number is the rank of the hash among those known."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self._members = arrays["lookup_digit"].astype(np.intp)
        self._starts = arrays["lookup_start"].astype(np.intp)[..., None]
        self._hashed = arrays["lookup_hashed"]
        self._salts = arrays["key_salt"][:, None]
        self._keys = arrays["key"]
        self._ranks = arrays["key_rank"].astype(np.intp)
        self._unknown = arrays["unknown_rank"].astype(np.intp)[:, None]

    def find_rows(self, digits: Indexes) -> Indexes:
        """(digits, rows) -> (combinations, rows)."""
        hashes = np.zeros((len(self._salts), digits.shape[1]), dtype=np.uint64)
        for members, starts in zip(self._members, self._starts, strict=True):
            hashes += self._hashed.take(digits.take(members, axis=0) + starts)
            hashes *= _HASH_FACTOR
        keys = hashes ^ self._salts
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys.take(places) == keys, self._ranks.take(places), self._unknown)
