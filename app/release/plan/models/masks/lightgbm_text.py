"""Reads LightGBM's text format: what a booster does after its trees, and the trees as splits."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from app.release.plan.models.masks.trees import Split, Tree

# A number this close to zero is zero to LightGBM (kZeroThreshold, a float32 constant).
_ZERO = float(np.float32(1e-35))
_CATEGORICAL, _DEFAULT_LEFT, _MISSING_IS_ZERO, _MISSING_IS_NAN = 1, 2, 1, 2

Fields = Mapping[str, str]


class LightGBMText:
    """One booster, parsed.

    Attributes:
        objective: The words of its objective; empty when it was a function of the caller's.
        chains: How many sums it makes: one, or one per class.
        features: How many columns it reads.
        trees: The fields of each tree.
    """

    def __init__(self, text: str) -> None:
        head, *blocks = text.partition("\nend of trees")[0].split("\nTree=")
        fields = _read_fields(head)
        self.objective = fields.get("objective", "").split()
        self.chains = int(fields["num_tree_per_iteration"])
        self.features = int(fields["max_feature_idx"]) + 1
        self.trees = [_read_fields(block) for block in blocks]
        # Random forests average their trees; the line has no value.
        self._averages = "average_output" in head.splitlines()

    @property
    def only_sums(self) -> bool:
        """Whether its answers are sums of leaves, and its splits ones that a table of masks can hold."""
        return bool(self.trees) and not self._averages and all(map(_has_plain_splits, self.trees))

    def read_chains(self, places: Sequence[int]) -> list[list[Tree]]:
        """The trees of each sum; `places` are the columns of the matrix by the booster's feature numbers."""
        trees = [_read_tree(fields, places) for fields in self.trees]
        return [trees[chain :: self.chains] for chain in range(self.chains)]


def _read_fields(lines: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines.splitlines() if "=" in line)


def _read_integers(fields: Fields, name: str) -> list[int]:
    return [int(word) for word in fields.get(name, "").split()]


def _read_floats(fields: Fields, name: str) -> list[float]:
    return [float(word) for word in fields.get(name, "").split()]


def _has_plain_splits(fields: Fields) -> bool:
    if fields.get("is_linear", "0") != "0":
        return False
    decisions = _read_integers(fields, "decision_type")
    return all(decision & _CATEGORICAL or decision >> 2 != _MISSING_IS_ZERO for decision in decisions)


def _read_tree(fields: Fields, places: Sequence[int]) -> Tree:
    leaves = _read_floats(fields, "leaf_value")
    if len(leaves) == 1:
        return Tree((), leaves)
    levels = _read_levels(fields)
    splits = [
        _make_split(decision, threshold, levels, (places[feature], left, right))
        for decision, threshold, feature, left, right in zip(
            _read_integers(fields, "decision_type"),
            _read_floats(fields, "threshold"),
            _read_integers(fields, "split_feature"),
            _read_integers(fields, "left_child"),
            _read_integers(fields, "right_child"),
            strict=True,
        )
    ]
    return Tree(splits, leaves)


def _make_split(decision: int, threshold: float, levels: Sequence[frozenset[int]], ends: tuple[int, int, int]) -> Split:
    column, left, right = ends
    if decision & _CATEGORICAL:
        return Split(column, None, levels[int(threshold)], False, left, right)
    threshold = _keep_out_of_zero(threshold)
    # Where training saw nothing missing, a missing value counts as zero.
    missing_left = bool(decision & _DEFAULT_LEFT) if decision >> 2 == _MISSING_IS_NAN else threshold >= 0
    return Split(column, threshold, frozenset(), missing_left, left, right)


def _keep_out_of_zero(threshold: float) -> float:
    """Move a threshold within what counts as zero to that end of the interval where it divides the same."""
    if abs(threshold) > _ZERO:
        return threshold
    return _ZERO if threshold >= 0 else math.nextafter(-_ZERO, -math.inf)


def _read_levels(fields: Fields) -> list[frozenset[int]]:
    """The codes that go left at each split of categories: one bit each, in words of 32."""
    bounds, words = _read_integers(fields, "cat_boundaries"), _read_integers(fields, "cat_threshold")
    return [_list_bits(words[start:end]) for start, end in itertools.pairwise(bounds)]


def _list_bits(words: Sequence[int]) -> frozenset[int]:
    return frozenset(32 * place + bit for place, word in enumerate(words) for bit in range(32) if word >> bit & 1)
