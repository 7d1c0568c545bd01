"""Trees followed through masks end in the leaves where following them node by node ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.release.plan.models.masks.table import MOST_LEAVES, MaskTable
from app.release.plan.models.masks.trees import Split, Tree
from app.runtime.plan.models.masks.table import MaskedTrees

NUMBERS, CATEGORY, LEVELS = 3, 3, 6
THRESHOLDS = (-1.5, -5e-324, 0.0, 5e-324, 0.25, 1e300)


def grow_tree(rng: np.random.Generator, leaves: int) -> Tree:
    """A tree of random shape: leaves are split one after the other, in any order."""
    ends: list[list[int]] = []
    parents: list[tuple[int, int]] = []
    open_ends: list[tuple[int, int]] = []
    for _ in range(leaves - 1):
        parent = open_ends.pop(rng.integers(len(open_ends))) if open_ends else (-1, -1)
        parents.append(parent)
        if parent[0] >= 0:
            ends[parent[0]][parent[1]] = len(ends)
        open_ends += [(len(ends), 0), (len(ends), 1)]
        ends.append([0, 0])
    for leaf, (node, side) in enumerate(open_ends):
        ends[node][side] = ~leaf
    return Tree([draw_split(rng, left, right) for left, right in ends], rng.normal(size=leaves).tolist())


def draw_split(rng: np.random.Generator, left: int, right: int) -> Split:
    column, missing_left = int(rng.integers(NUMBERS + 1)), bool(rng.integers(2))
    if column == CATEGORY:
        levels = frozenset(np.flatnonzero(rng.random(LEVELS) < 0.5).tolist())
        return Split(column, None, levels, missing_left, left, right)
    return Split(column, THRESHOLDS[rng.integers(len(THRESHOLDS))], frozenset(), missing_left, left, right)


def follow(tree: Tree, row: Sequence[float], *, zero_is_missing: bool) -> float:
    node = 0 if tree.splits else ~0
    while node >= 0:
        split, value = tree.splits[node], row[tree.splits[node].column]
        if split.threshold is None:
            left = split.missing_left if math.isnan(value) else int(value) in split.levels
        else:
            missing = math.isnan(value) or (zero_is_missing and value == 0)
            left = split.missing_left if missing else value <= split.threshold
        node = split.left if left else split.right
    return tree.leaves[~node]


def make_rows(rng: np.random.Generator, rows: int) -> npt.NDArray[np.float64]:
    near = [step for cut in THRESHOLDS for step in (cut, math.nextafter(cut, -math.inf), math.nextafter(cut, math.inf))]
    numbers = rng.choice([*near, math.nan, -0.0, math.inf, -math.inf], (rows, NUMBERS))
    return np.column_stack([numbers, rng.choice([math.nan, *range(LEVELS)], rows)])


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    leaves=st.lists(st.lists(st.integers(1, 140), min_size=1, max_size=5), min_size=1, max_size=3),
    rows=st.integers(1, 40),
    zero_is_missing=st.booleans(),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_sums_are_those_of_the_trees_followed_node_by_node(
    seed: int, leaves: list[list[int]], rows: int, zero_is_missing: bool, dtype: type[np.floating[Any]]
) -> None:
    rng = np.random.default_rng(seed)
    chains = [[grow_tree(rng, count) for count in chain] for chain in leaves]
    matrix = make_rows(rng, rows)
    expected = np.zeros((rows, len(chains)), dtype)
    for place, row in enumerate(matrix.tolist()):
        for number, chain in enumerate(chains):
            for tree in chain:
                expected[place, number] += dtype(follow(tree, row, zero_is_missing=zero_is_missing))
    table = MaskTable(chains, levels={CATEGORY: LEVELS}, zero_is_missing=zero_is_missing, dtype=dtype)
    with TemporaryDirectory() as directory:
        trees = MaskedTrees(table.write(Path(directory), "t"), Path(directory))
        sums = trees.sum_trees(matrix)
        assert sums.dtype == dtype
        np.testing.assert_array_equal(sums, expected)
        np.testing.assert_array_equal(np.concatenate([trees.sum_trees(row[None]) for row in matrix]), expected)


@pytest.mark.parametrize(("leaves", "fits"), [(MOST_LEAVES, True), (MOST_LEAVES + 1, False)])
def test_trees_with_too_many_leaves_have_no_table(leaves: int, fits: bool) -> None:
    tree = grow_tree(np.random.default_rng(0), leaves)
    assert MaskTable([[tree]], levels={CATEGORY: LEVELS}, zero_is_missing=False, dtype=np.float64).fits == fits


def test_a_table_that_would_be_too_large_is_not_made() -> None:
    splits = [Split(0, cut / 7, frozenset(), False, ~0, ~1) for cut in range(3000)]
    table = MaskTable(
        [[Tree([split], (0.0, 1.0)) for split in splits]], levels={}, zero_is_missing=False, dtype=np.float32
    )
    assert not table.fits


@pytest.mark.parametrize("rows", [1, 5])
def test_trees_without_a_split_read_no_column(tmp_path: Path, rows: int) -> None:
    table = MaskTable([[Tree((), (0.5,))]] * 2, levels={}, zero_is_missing=False, dtype=np.float64)
    trees = MaskedTrees(table.write(tmp_path, "t"), tmp_path)
    assert trees.sum_trees(np.zeros((rows, 4))).tolist() == [[0.5, 0.5]] * rows
