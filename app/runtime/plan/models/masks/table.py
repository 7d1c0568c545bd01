"""Sums the trees of a booster from a table of leaf masks; the file of this name in release says how one is laid out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class TableColumn:
    """Where in a table the values of one column of the matrix are looked up.

    Attributes:
        first: The row for values up to the first cut; one for each cut follows, and one for values above all.
        missing: The row for NaN.
    """

    column: int
    cuts: list[float]
    first: int
    missing: int


class Table:
    """Masks of the leaves that stay open, for every interval of every column, and what the leaves add.

    Args:
        masks: (rows, words): a word, or several, for each tree of each chain.
        leaves: What each bit of each word adds.
    """

    def __init__(
        self, masks: npt.NDArray[Any], leaves: npt.NDArray[Any], columns: Sequence[TableColumn], chains: int
    ) -> None:
        self.masks = masks
        self.leaves = leaves
        self.columns = columns
        self.chains = chains
        self._look_ups = [(own.column, own.cuts, own.first, own.missing) for own in columns]
        self.float, self.integer, self.shift, bias = _EXPONENTS[masks.dtype.itemsize]
        self.first_leaf = (np.arange(masks.shape[1]) * (masks.dtype.itemsize * 8) - bias).astype(self.integer)

    def sum_row(self, values: list[float]) -> npt.NDArray[Any]:
        """The sums of one row, (chains,), each in the order of its trees."""
        rows = [
            # NaN is the only value that differs from itself.
            first + bisect_left(cuts, value) if (value := values[column]) == value else missing
            for column, cuts, first, missing in self._look_ups
        ]
        masks = np.bitwise_and.reduce(self.masks.take(rows or [0], axis=0), axis=0)
        places = masks.astype(self.float).view(self.integer)
        places >>= self.shift
        places += self.first_leaf
        added = self.leaves.take(places).reshape(self.chains, -1)
        # Not sum(): NumPy's adds in pairs along a contiguous axis.
        last: npt.NDArray[Any] = np.add.accumulate(added, axis=1)[:, -1]
        return last


class MaskedTrees:
    """The trees of one booster, shared by threads: a prediction changes nothing in here."""

    def __init__(self, document: Mapping[str, Any], directory: Path) -> None:
        masks, leaves, cuts = (open_array(directory / document[part]) for part in ("masks", "leaves", "cuts"))
        self.table = Table(masks, leaves, _read_columns(document, cuts), document["chains"])
        self._rows_of_block = _choose_rows_of_block(max(len(self.table.columns), 1) * masks[:1].nbytes)

    def sum_trees(self, matrix: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
        """The (rows, chains) sums, each in the order of its trees, so the same alone and in any batch."""
        if len(matrix) == 1:
            return self.table.sum_row(matrix[0].tolist()).reshape(1, -1)
        sums = np.empty((len(matrix), self.table.chains), self.table.leaves.dtype)
        places = self._find_rows(matrix)
        for start in range(0, len(matrix), self._rows_of_block):
            block = places[:, start : start + self._rows_of_block]
            sums[start : start + self._rows_of_block] = self._sum_block(block)
        return sums

    def _find_rows(self, matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        places = np.zeros((max(len(self.table.columns), 1), len(matrix)), np.intp)
        for place, own in zip(places, self.table.columns, strict=False):
            values = matrix[:, own.column]
            np.add(np.searchsorted(own.cuts, values), own.first, out=place)
            place[np.isnan(values)] = own.missing
        return places

    def _sum_block(self, places_of_rows: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        rows = places_of_rows.shape[1]
        if rows == 1:
            # A reduction over one column alone would again add in pairs.
            places_of_rows = np.repeat(places_of_rows, 2, axis=1)
        table = self.table
        masks = np.bitwise_and.reduce(table.masks.take(places_of_rows, axis=0), axis=0)
        exponents = masks.astype(table.float).view(table.integer)
        # Rows become the last axis: the sums over trees then run in order, for many rows at a time.
        places = np.right_shift(exponents.T, table.shift, order="C")
        places += table.first_leaf[:, None]
        added = table.leaves.take(places).reshape(table.chains, -1, places.shape[1])
        sums: npt.NDArray[Any] = np.add.reduce(added, axis=1)
        return sums.T[:rows]


def _read_columns(document: Mapping[str, Any], cuts: npt.NDArray[np.float64]) -> list[TableColumn]:
    columns, start, row = [], 0, 0
    for column, count in zip(document["columns"], document["cuts_of_columns"], strict=True):
        columns.append(TableColumn(column, cuts[start : start + count].tolist(), row, row + count + 1))
        start += count
        row += count + 2
    return columns


def _choose_rows_of_block(bytes_of_row: int) -> int:
    return min(max(_BYTES_OF_BLOCK // bytes_of_row, _LEAST_ROWS_OF_BLOCK), _MOST_ROWS_OF_BLOCK)
