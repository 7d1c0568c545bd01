"""Looks up CatBoost's target statistics for rows; the arrays are those of app/release/plan/catboost_ctrs.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Column = npt.NDArray[Any]
_HASH_FACTOR = np.array(0x4906BA494954CB65, dtype=np.uint64)


class NoCtrs:
    """A model whose trees only look at numbers."""

    def extend(self, values: Values) -> Values:
        return values

    def columns(self, values: list[Column]) -> list[Column]:
        return values


class Ctrs:
    """The target statistics of one model.

    A row's digits are its category codes and whether its numbers pass certain limits. Each combination of digits gives
    a row number, by strides or by a look-up of its hash; each statistic is the value at that row of its table.
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], table: npt.NDArray[np.float32]) -> None:
        self._categories = arrays["category_source"].astype(np.intp)
        self._bits = arrays["bit_source"].astype(np.intp)
        self._limits = arrays["bit_limit"]
        self._members = arrays["dense_digit"].astype(np.intp)
        self._strides = arrays["dense_stride"].astype(np.intp)
        self._lookup = _HashLookup(arrays) if len(arrays["unknown_rank"]) else None
        self._rows = arrays["ctr_row"].astype(np.intp)
        self._starts = arrays["ctr_start"].astype(np.intp)
        self._table = table

    def extend(self, values: Values) -> Values:
        """(..., features) -> (..., features and statistics), for a few rows."""
        bits = values.take(self._bits, axis=-1) > self._limits
        codes = values.take(self._categories, axis=-1)
        digits = np.concatenate((codes, bits), axis=-1, dtype=np.intp, casting="unsafe")
        rows = np.add.reduce(digits.take(self._members, axis=-1) * self._strides, axis=-2)
        if self._lookup:
            rows = np.concatenate((rows, self._lookup.find_rows(digits)), axis=-1)
        statistics = self._table.take(rows.take(self._rows, axis=-1) + self._starts)
        return np.concatenate((values, statistics), axis=-1)

    def columns(self, values: list[Column]) -> list[Column]:
        """The columns of many rows, followed by those of their statistics."""
        digits = [values[source].astype(np.intp) for source in self._categories.tolist()]
        for source, limit in zip(self._bits.tolist(), self._limits.tolist(), strict=True):
            digits.append((values[source] > limit).astype(np.intp))
        rows = [
            _weigh(digits, members, strides)
            for members, strides in zip(self._members.T.tolist(), self._strides.T.tolist(), strict=True)
        ]
        if self._lookup:
            rows += self._lookup.find_columns(digits)
        places = zip(self._rows.tolist(), self._starts.tolist(), strict=True)
        return values + [self._table.take(rows[row] + start) for row, start in places]


class _HashLookup:
    """Combinations of too many values for a table each: the row number is the rank of the hash among those known."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self._digits = arrays["lookup_digit"].astype(np.intp)
        self._starts = arrays["lookup_start"].astype(np.intp)
        self._hashed = arrays["lookup_hashed"]
        self._salts = arrays["key_salt"]
        self._keys = arrays["key"]
        self._ranks = arrays["key_rank"].astype(np.intp)
        self._unknown = arrays["unknown_rank"].astype(np.intp)

    def find_rows(self, digits: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """(..., digits) -> (..., combinations)."""
        hashes = np.zeros(digits.shape[:-1] + self._salts.shape, dtype=np.uint64)
        for members, starts in zip(self._digits, self._starts, strict=True):
            hashes += self._hashed.take(digits.take(members, axis=-1) + starts)
            hashes *= _HASH_FACTOR
        keys = hashes ^ self._salts
        places = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys.take(places) == keys, self._ranks.take(places), self._unknown)

    def find_columns(self, digits: list[npt.NDArray[np.intp]]) -> list[npt.NDArray[np.intp]]:
        """The same for columns, one combination after the other."""
        return list(np.ascontiguousarray(self.find_rows(np.stack(digits, axis=-1)).T))


def _weigh(digits: list[npt.NDArray[np.intp]], members: list[int], strides: list[int]) -> npt.NDArray[np.intp]:
    pairs = [(digits[member], stride) for member, stride in zip(members, strides, strict=True) if stride]
    first, stride = pairs[0]
    total = first * stride
    for digit, stride in pairs[1:]:
        total += digit * stride if stride > 1 else digit
    return total
