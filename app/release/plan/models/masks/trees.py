"""A decision tree as every booster's trees are told to the tables of masks: which values go left at each split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Split:
    """One inner node.

    Attributes:
        column: Place of the value in the matrix.
        threshold: Values up to it, itself included, go left; None at a split of categories.
        levels: At a split of categories the codes that go left.
        missing_left: Whether a value that is missing goes left.
        left, right: The nodes below: a split by its place in the tree, the leaf number n as ~n.
    """

    column: int
    threshold: float | None
    levels: frozenset[int]
    missing_left: bool
    left: int
    right: int


@dataclass(frozen=True)
class Tree:
    """Splits, the root first, and what each leaf adds. A tree without splits has one leaf."""

    splits: Sequence[Split]
    leaves: Sequence[float]
