"""Sums the trees of a booster from a table of leaf masks; the file of this name in release says how one is laid out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.runtime.plan.arrays import open_array

# The intermediate arrays of one block of rows stay in the second-level cache.
_BYTES_OF_BLOCK = 2**21
_LEAST_ROWS_OF_BLOCK, _MOST_ROWS_OF_BLOCK = 16, 1024
# By the width of a word: the float that holds a power of two exactly, the integer to read its exponent from, the shift
# to the exponent, and its bias.
_EXPONENTS: Mapping[int, tuple[type[Any], type[Any], int, int]] = {
    4: (np.float32, np.int32, 23, 127),
    8: (np.float64, np.int64, 52, 1023),
}


class MaskedTrees:
    """The trees of one booster, shared by threads: a prediction changes nothing in here."""

    def __init__(self, document: Mapping[str, Any], directory: Path) -> None:
        self._masks = open_array(directory / document["masks"])
        self._leaves = open_array(directory / document["leaves"])
        cuts = open_array(directory / document["cuts"])
        self._chains: int = document["chains"]
        self._columns = _read_columns(document, cuts)
        words, width = self._masks.shape[1], self._masks.dtype.itemsize
        self._float, self._integer, self._shift, bias = _EXPONENTS[width]
        self._first_leaf = (np.arange(words) * (width * 8) - bias).astype(self._integer)
        self._rows_of_block = _choose_rows_of_block(max(len(self._columns), 1) * words * width)

    def sum_trees(self, matrix: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
        """The (rows, chains) sums, each in the order of its trees, so the same alone and in any batch."""
        if len(matrix) == 1:
            return self._sum_row(matrix[0].tolist())
        sums = np.empty((len(matrix), self._chains), self._leaves.dtype)
        places = self._find_rows(matrix)
        for start in range(0, len(matrix), self._rows_of_block):
            block = places[:, start : start + self._rows_of_block]
            sums[start : start + self._rows_of_block] = self._sum_block(block)
        return sums

    def _sum_row(self, values: list[float]) -> npt.NDArray[Any]:
        rows = [
            # NaN is the only value that differs from itself.
            first + bisect_left(cuts, value) if (value := values[column]) == value else missing
            for column, cuts, first, missing in self._columns
        ]
        masks = np.bitwise_and.reduce(self._masks.take(rows or [0], axis=0), axis=0)
        places = masks.astype(self._float).view(self._integer)
        places >>= self._shift
        places += self._first_leaf
        added = self._leaves.take(places).reshape(self._chains, -1)
        # Not sum(): NumPy's adds in pairs along a contiguous axis.
        last: npt.NDArray[Any] = np.add.accumulate(added, axis=1)[:, -1]
        return last.reshape(1, -1)

    def _find_rows(self, matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        places = np.zeros((max(len(self._columns), 1), len(matrix)), np.intp)
        for place, (column, cuts, first, missing) in zip(places, self._columns, strict=False):
            values = matrix[:, column]
            np.add(np.searchsorted(cuts, values), first, out=place)
            place[np.isnan(values)] = missing
        return places

    def _sum_block(self, places_of_rows: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        rows = places_of_rows.shape[1]
        if rows == 1:
            # A reduction over one column alone would again add in pairs.
            places_of_rows = np.repeat(places_of_rows, 2, axis=1)
        masks = np.bitwise_and.reduce(self._masks.take(places_of_rows, axis=0), axis=0)
        exponents = masks.astype(self._float).view(self._integer)
        # Rows become the last axis: the sums over trees then run in order, for many rows at a time.
        places = np.right_shift(exponents.T, self._shift, order="C")
        places += self._first_leaf[:, None]
        added = self._leaves.take(places).reshape(self._chains, -1, places.shape[1])
        sums: npt.NDArray[Any] = np.add.reduce(added, axis=1)
        return sums.T[:rows]


def _read_columns(
    document: Mapping[str, Any], cuts: npt.NDArray[np.float64]
) -> list[tuple[int, list[float], int, int]]:
    """For each column its place in the matrix, its cuts, its first row in the table and its row for what is missing."""
    columns, start, row = [], 0, 0
    for column, count in zip(document["columns"], document["cuts_of_columns"], strict=True):
        columns.append((column, cuts[start : start + count].tolist(), row, row + count + 1))
        start += count
        row += count + 2
    return columns


def _choose_rows_of_block(bytes_of_row: int) -> int:
    return min(max(_BYTES_OF_BLOCK // bytes_of_row, _LEAST_ROWS_OF_BLOCK), _MOST_ROWS_OF_BLOCK)
