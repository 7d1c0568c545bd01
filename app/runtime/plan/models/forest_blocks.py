"""Follows rows through the trees of forests, three levels at a time; release/plan/models/forest_blocks.py cuts them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Blocks = npt.NDArray[np.unsignedinteger]

# The product of eight bytes of 0 or 1 and this has them as the bits of its first byte.
_GATHER = np.uint64(0x0102040810204080)
_FIRST_BYTE = np.uint64(56)
# Hardly a row reaches all its leaves earlier.
_STEPS_BEFORE_LOOKS = 3
# What some rows have passed, and where they are in some trees, stay in the second-level cache.
_BYTES_OF_PASSED = 1 << 19
_PAIRS = 1 << 13


def _tabulate_exits() -> Int64:
    """The exit for each way of passing the conditions of a block; the void one counts for nothing."""
    ways = np.arange(256)
    exits = ways & 1
    for first in (1, 3):
        exits = exits * 2 + (ways >> (first + exits) & 1)
    return exits


_EXITS = _tabulate_exits()


@dataclass(frozen=True)
class BlockedForest:
    """One forest, or several side by side.

    Attributes:
        conditions: (feature, threshold) as numbers in rising order.
        blocks: (blocks, 8): places of conditions; their number stands for one that no row passes.
        exits: (8 * blocks + 1,): the block that follows, or the number of blocks and the place of a leaf's value.
        roots: The first block of each tree.
        features: How many features a row has.
    """

    conditions: Int64
    blocks: Blocks
    exits: npt.NDArray[np.int32]
    roots: Int64
    features: int
    _starts: list[int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = self.conditions.searchsorted(np.arange(self.features, dtype=np.int64) << 32)
        object.__setattr__(self, "_starts", starts.tolist())

    def find_leaves_of_row(self, keys: Int64) -> Int64:
        """(features,) to (trees,): the place of each leaf's value."""
        passed = np.zeros(len(self.conditions) + 1, np.uint8)
        for start, end in zip(self._starts, self.conditions.searchsorted(keys).tolist(), strict=True):
            passed[start:end] = 1
        return self._descend(self.roots, passed, None)

    def find_leaves(self, keys: Int64) -> Iterator[tuple[Int64, Iterator[Int64]]]:
        """Some of the rows of (rows, features), and for some trees after others the places of their leaves' values."""
        step = max(1, min(_BYTES_OF_PASSED // (len(self.conditions) + 1), _PAIRS))
        for first in range(0, len(keys), step):
            rows = np.arange(first, min(first + step, len(keys)))
            yield rows, self._follow(keys[rows])

    def _follow(self, keys: Int64) -> Iterator[Int64]:
        passed = np.zeros((len(keys), len(self.conditions) + 1), np.uint8)
        for row, ends in zip(passed, self.conditions.searchsorted(keys).tolist(), strict=True):
            for start, end in zip(self._starts, ends, strict=True):
                row[start:end] = 1
        offsets = np.arange(len(keys)) * passed.shape[1]
        step = max(1, _PAIRS // len(keys))
        for first in range(0, len(self.roots), step):
            roots = self.roots[first : first + step]
            places = self._descend(np.repeat(roots, len(keys)), passed.ravel(), np.tile(offsets, len(roots)))
            yield places.reshape(len(roots), len(keys))

    def _descend(self, block: Int64, passed: npt.NDArray[np.uint8], offset: Int64 | None) -> Int64:
        """Where pairs of a tree and a row end up. `offset` says where in `passed` a row begins; one row needs none."""
        leaf = len(self.blocks)
        block = self._step(block, passed, offset)
        for _ in range(_STEPS_BEFORE_LOOKS - 1):
            # Who has reached a leaf stays: its number is larger than that of any block, and it leads to block 0.
            block = np.maximum(self._step(block, passed, offset), block)
        active = (block < leaf).nonzero()[0]
        while len(active):
            own = None if offset is None else offset.take(active)
            once = self._step(block.take(active), passed, own)
            # A look costs half a step.
            twice = np.maximum(self._step(once, passed, own), once)
            block[active] = twice
            active = active.take((twice < leaf).nonzero()[0])
        return block - leaf

    def _step(self, block: Int64, passed: npt.NDArray[np.uint8], offset: Int64 | None) -> Int64:
        """The block, or the leaf, that follows each; block 0 after a leaf."""
        slots = self.blocks.take(block, 0, None, "clip")
        ways = passed.take(slots if offset is None else slots + offset[:, None]).view(np.uint64).ravel()
        ways *= _GATHER
        ways >>= _FIRST_BYTE
        exits = _EXITS.take(ways.view(np.int64))
        exits += block << 3
        return self.exits.take(exits, None, None, "clip").astype(np.int64)


def join_forests(forests: Sequence[BlockedForest], values: Sequence[int]) -> BlockedForest:
    """Forests over the same features side by side, in memory of their own.

    Args:
        values: How many values the leaves of each forest have; their places count on from one forest to the next.
    """
    conditions = np.unique(np.concatenate([forest.conditions for forest in forests]))
    starts = np.cumsum([0] + [len(forest.blocks) for forest in forests])
    roots, blocks, exits = [], [], []
    for forest, start, first_value in zip(forests, starts.tolist(), np.cumsum([0, *values]).tolist(), strict=False):
        place = np.append(conditions.searchsorted(forest.conditions), len(conditions)).astype(_choose_width(conditions))
        following = forest.exits[:-1]
        after_own = int(starts[-1]) + first_value - len(forest.blocks)
        roots.append(forest.roots + start)
        blocks.append(place.take(forest.blocks))
        exits.append(following + np.where(following < len(forest.blocks), start, after_own).astype(np.int32))
    sentinel = np.zeros(1, np.int32)
    return BlockedForest(
        conditions,
        np.concatenate(blocks),
        np.concatenate([*exits, sentinel]),
        np.concatenate(roots),
        forests[0].features,
    )


def _choose_width(conditions: Int64) -> type[np.unsignedinteger]:
    return np.uint16 if len(conditions) <= np.iinfo(np.uint16).max else np.uint32
