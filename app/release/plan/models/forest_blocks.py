"""Trees cut into blocks of three levels: a row reads seven conditions at once, and then knows where to go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

_LEVELS = 3


def write_blocks(left: Int64, condition: Int64, *, trees: int, conditions: int, directory: Path, name: str) -> None:
    """Write `<name>.blocks.npy` and `<name>.exits.npy`.

    A block begins at a node and holds, level by level, the conditions of the seven nodes of three levels, and a void
    one. Its eight exits, from the one where no condition is passed to the one where all are, name the block that comes
    next or, counting on from the number of blocks, the place of a leaf's value. Below a leaf all conditions are void:
    `conditions`, which no row passes. Blocks lie breadth first, so that the first ones are those of the roots and every
    block comes before those that follow it. One exit more, 0, is what a row finds that has reached its leaf.

    Args:
        left: The left child of each node, a leaf's being itself; the right child is the next.
        condition: Of each node; for a leaf `conditions` and the place of its value.
        trees: The first nodes are the roots.
    """
    parts = list(_cut_level_by_level(left, condition, trees, conditions))
    count = sum(len(blocks) for blocks, _ in parts)
    exits = np.concatenate([exits.ravel() for _, exits in parts])
    exits = np.where(exits < 0, count - 1 - exits, exits)
    width = np.uint16 if conditions < np.iinfo(np.uint16).max else np.uint32
    np.save(directory / f"{name}.blocks.npy", np.concatenate([blocks for blocks, _ in parts]).astype(width))
    np.save(directory / f"{name}.exits.npy", np.append(exits, 0).astype(np.int32))


def _cut_level_by_level(left: Int64, condition: Int64, trees: int, conditions: int) -> Iterator[tuple[Int64, Int64]]:
    """The blocks at one depth after the other, with their exits; one to a leaf is -1 less the place of its value."""
    top, start = np.arange(trees), 0
    while len(top):
        nodes, blocks = top[:, None], np.full((len(top), 2**_LEVELS), conditions)
        for level in range(_LEVELS):
            splits = condition[nodes] < conditions
            blocks[:, 2**level - 1 : 2 ** (level + 1) - 1] = np.where(splits, condition[nodes], conditions)
            nodes = np.stack([left[nodes], left[nodes] + splits], axis=-1).reshape(len(top), -1)
        exits = conditions - 1 - condition[nodes]
        goes_on = exits >= 0
        # A leaf above the last level is at several exits, of which only the first is ever taken.
        exits[goes_on] = start + len(top) + np.arange(np.count_nonzero(goes_on))
        yield blocks, exits
        start, top = start + len(top), nodes[goes_on]
