"""Lays boosted trees out as a table of masks: for every interval of every column, the leaves that a value in it leaves
open in every tree. The leaf that a row reaches is what the masks of its values have in common.

After QuickScorer (Lucchese et al., SIGIR 2015), with the masks multiplied out: boosters cut a column into some 255
intervals at most, so one table holds them all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.release.plan.models.masks.trees import Split, Tree

MOST_LEAVES = 256
MOST_BYTES_OF_TABLE = 32 * 2**20
_NOTHING = Tree((), (0.0,))
_BELOW_ZERO = -5e-324

Masks = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True)
class _Column:
    """The rows of the table for one column of the matrix: one per cut, one above all cuts, one for what is missing."""

    cuts: Sequence[float]
    first_row: int

    @property
    def rows(self) -> int:
        return len(self.cuts) + 2


@dataclass(frozen=True)
class _Words:
    """How the leaves of one tree are spread over machine words.

    With several words to a tree the lowest bit of each is always set, so that a word without the leaf is not zero.
    """

    bits: int
    per_tree: int

    @property
    def dtype(self) -> type[np.unsignedinteger[Any]]:
        return np.uint32 if self.bits == 32 else np.uint64

    @property
    def reserved(self) -> int:
        return 0 if self.per_tree == 1 else 1

    def pack(self, leaves: int) -> Masks:
        """A set of leaves, as the bits of an integer, in words."""
        used = self.bits - self.reserved
        chunks = ((leaves >> (word * used)) & ((1 << used) - 1) for word in range(self.per_tree))
        return np.array([(chunk << self.reserved) | self.reserved for chunk in chunks], self.dtype)


class MaskTable:
    """Trees in chains (one per class, or per quantile level), each a sum in the order of its trees.

    Args:
        chains: The trees; shorter chains are filled up with trees that add nothing.
        levels: Number of categories by column, for the columns that have categories.
        zero_is_missing: Whether the number 0 takes the way of what is missing.
        dtype: In which the trees are summed.
    """

    def __init__(
        self,
        chains: Sequence[Sequence[Tree]],
        *,
        levels: Mapping[int, int],
        zero_is_missing: bool,
        dtype: type[np.floating[Any]],
    ) -> None:
        length = max(len(chain) for chain in chains)
        self._chains = len(chains)
        self._trees = [tree for chain in chains for tree in [*chain, *[_NOTHING] * (length - len(chain))]]
        self._zero_is_missing = zero_is_missing
        self._dtype = dtype
        self._words = _choose_words(max(len(tree.leaves) for tree in self._trees))
        self._columns = _lay_out_columns(self._trees, levels, zero_is_missing=zero_is_missing)

    @property
    def fits(self) -> bool:
        """Whether the table stays small enough to be faster than the library's own way."""
        largest = max(len(tree.leaves) for tree in self._trees)
        words = self._count_rows() * len(self._trees) * self._words.per_tree
        return largest <= MOST_LEAVES and words * self._words.bits // 8 <= MOST_BYTES_OF_TABLE

    def write(self, directory: Path, name: str) -> dict[str, Any]:
        """Write the arrays to `<name>.*.npy` and return the document of the table."""
        cuts = [cut for column in self._columns.values() for cut in column.cuts]
        np.save(directory / f"{name}.masks.npy", self._fill_masks(), allow_pickle=False)
        np.save(directory / f"{name}.leaves.npy", self._fill_leaves(), allow_pickle=False)
        np.save(directory / f"{name}.cuts.npy", np.array(cuts, np.float64), allow_pickle=False)
        return {
            "masks": f"{name}.masks.npy",
            "leaves": f"{name}.leaves.npy",
            "cuts": f"{name}.cuts.npy",
            "columns": list(self._columns),
            "cuts_of_columns": [len(column.cuts) for column in self._columns.values()],
            "chains": self._chains,
        }

    def _count_rows(self) -> int:
        return sum(column.rows for column in self._columns.values())

    def _fill_masks(self) -> Masks:
        words = self._words.per_tree
        # A table without rows could not be read: a booster that never splits still has its one row.
        masks = np.empty((max(self._count_rows(), 1), len(self._trees) * words), self._words.dtype)
        for number, tree in enumerate(self._trees):
            masks[:, number * words : (number + 1) * words] = self._find_open_leaves(tree, len(masks))
        return masks

    def _find_open_leaves(self, tree: Tree, rows: int) -> Masks:
        every_leaf = (1 << len(tree.leaves)) - 1
        below = _collect_leaves(tree)
        masks = np.tile(self._words.pack(every_leaf), (rows, 1))
        for split, (left, right) in zip(tree.splits, below, strict=True):
            column = self._columns[split.column]
            block = masks[column.first_row : column.first_row + column.rows]
            open_left, open_right = (self._words.pack(every_leaf & ~closed) for closed in (right, left))
            block &= np.where(self._find_left(split, column)[:, None], open_left, open_right)
        return masks

    def _find_left(self, split: Split, column: _Column) -> npt.NDArray[np.bool_]:
        """Which rows of a column go left at a split."""
        left = np.zeros(column.rows, np.bool_)
        if split.threshold is None:
            left[[bisect_left(column.cuts, level) for level in split.levels]] = True
        else:
            left[: bisect_left(column.cuts, split.threshold) + 1] = True
        left[-1] = split.missing_left
        if self._zero_is_missing and split.threshold is not None:
            left[bisect_left(column.cuts, 0.0)] = split.missing_left
        return left

    def _fill_leaves(self) -> npt.NDArray[np.floating[Any]]:
        """What each bit of each word adds; the reserved bits add nothing."""
        used = self._words.bits - self._words.reserved
        leaves = np.zeros((len(self._trees), self._words.per_tree * used), self._dtype)
        for row, tree in zip(leaves, self._trees, strict=True):
            row[: len(tree.leaves)] = tree.leaves
        by_word = leaves.reshape(-1, used)
        return np.ascontiguousarray(np.pad(by_word, ((0, 0), (self._words.reserved, 0))).ravel())


def _choose_words(most_leaves: int) -> _Words:
    if most_leaves <= 32:
        return _Words(bits=32, per_tree=1)
    return _Words(bits=64, per_tree=1 if most_leaves <= 64 else -(-most_leaves // 63))


def _lay_out_columns(trees: Sequence[Tree], levels: Mapping[int, int], *, zero_is_missing: bool) -> dict[int, _Column]:
    cuts: dict[int, set[float]] = {}
    for split in (split for tree in trees for split in tree.splits):
        of_column = cuts.setdefault(split.column, set())
        if split.threshold is None:
            of_column.update(map(float, range(levels[split.column])))
        else:
            of_column.add(split.threshold)
            if zero_is_missing:
                # Zero gets an interval of its own.
                of_column.update((_BELOW_ZERO, 0.0))
    columns, row = {}, 0
    for place in sorted(cuts):
        columns[place] = _Column(sorted(cuts[place]), row)
        row += columns[place].rows
    return columns


def _collect_leaves(tree: Tree) -> list[tuple[int, int]]:
    """The sets of leaves below the left and the right of every split, as the bits of integers."""
    order = [0] if tree.splits else []
    for place in order:
        split = tree.splits[place]
        order.extend(child for child in (split.left, split.right) if child >= 0)
    below: list[tuple[int, int]] = [(0, 0)] * len(tree.splits)
    for place in reversed(order):
        split = tree.splits[place]
        left, right = (1 << ~child if child < 0 else sum(below[child]) for child in (split.left, split.right))
        below[place] = (left, right)
    return below
