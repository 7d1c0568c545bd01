"""Reads XGBoost's JSON model: its objective, where AutoGluon stops in it, and the trees as splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from app.release.plan.columns import PlanRefused
from app.release.plan.models.masks.one_hot import Input
from app.release.plan.models.masks.trees import Split, Tree

_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


class XGBoostJson:
    """One booster of trees with a single output each.

    Attributes:
        objective: Its name.
        chains: How many sums it makes: one, or one per class.
        features: How many columns it reads.
        iterations: How many rounds AutoGluon predicts with: up to the best one.
    """

    def __init__(self, document: dict[str, Any], *, name: str) -> None:
        self._document = document
        learner = document["learner"]
        booster, shape = learner["gradient_booster"], learner["learner_model_param"]
        if booster["name"] != "gbtree":
            raise PlanRefused(f"{name} is an XGBoost model of another kind than boosted trees ({booster['name']}).")
        self.objective: str = learner["objective"]["name"]
        self.chains = max(int(shape["num_class"]), int(shape["num_target"]), 1)
        self.features = int(shape["num_feature"])
        ends = booster["model"]["iteration_indptr"]
        best = learner["attributes"].get("best_iteration")
        self.iterations = len(ends) - 1 if best is None else int(best) + 1
        self._trees: Sequence[Any] = booster["model"]["trees"][: ends[self.iterations]]
        self._groups: Sequence[int] = booster["model"]["tree_info"][: ends[self.iterations]]
        if any(tree["tree_param"]["size_leaf_vector"] not in ("0", "1") for tree in self._trees):
            raise PlanRefused(f"{name} has trees with several outputs.")
        if any(any(tree["split_type"]) for tree in self._trees):
            raise PlanRefused(f"{name} leaves categories to XGBoost.")

    def without_trees(self) -> dict[str, Any]:
        """The same booster with leaves that add nothing: it answers with what its sums start from."""
        learner = self._document["learner"]
        booster = learner["gradient_booster"]
        trees = [_without_leaf_values(tree) for tree in booster["model"]["trees"]]
        booster = {**booster, "model": {**booster["model"], "trees": trees}}
        return {**self._document, "learner": {**learner, "gradient_booster": booster}}

    def read_chains(
        self, inputs: Sequence[Input], levels: Mapping[int, int], intercept: Sequence[float]
    ) -> list[list[Tree]]:
        """The trees of each sum, the first one being what the sum starts from."""
        chains = [[Tree((), (start,))] for start in intercept]
        for tree, group in zip(self._trees, self._groups, strict=True):
            chains[group].append(_read_tree(tree, inputs, levels))
        return chains


def _without_leaf_values(tree: Mapping[str, Any]) -> dict[str, Any]:
    nodes = zip(tree["left_children"], tree["split_conditions"], strict=True)
    return {**tree, "split_conditions": [0.0 if left < 0 else condition for left, condition in nodes]}


def _read_tree(tree: Mapping[str, Any], inputs: Sequence[Input], levels: Mapping[int, int]) -> Tree:
    conditions = np.array(tree["split_conditions"], np.float32)
    numbers = _number_nodes(tree["left_children"])
    if numbers[0] < 0:
        return Tree((), (float(conditions[0]),))
    thresholds = _move_to_float64(conditions)
    splits, leaves = [], []
    for node, left in enumerate(tree["left_children"]):
        if left < 0:
            leaves.append(float(conditions[node]))
            continue
        ends = (numbers[left], numbers[tree["right_children"][node]])
        item, missing_left = inputs[tree["split_indices"][node]], bool(tree["default_left"][node])
        if item.levels:
            splits.append(_split_levels(item, bool(conditions[node] > 1.0), missing_left, levels[item.column], ends))
        else:
            splits.append(Split(item.column, float(thresholds[node]), frozenset(), missing_left, *ends))
    return Tree(splits, leaves)


def _number_nodes(left_children: Sequence[int]) -> list[int]:
    """The number of each node among the splits, or ~n for the leaf number n."""
    numbers, splits, leaves = [], 0, 0
    for left in left_children:
        numbers.append(splits if left >= 0 else ~leaves)
        splits, leaves = splits + (left >= 0), leaves + (left < 0)
    return numbers


def _split_levels(item: Input, one_left: bool, missing_left: bool, levels: int, ends: tuple[int, int]) -> Split:
    """A split of a one-hot column, as a split of its category: its own codes are 1, all others are missing."""
    left = item.levels if one_left else frozenset()
    if missing_left:
        left |= frozenset(range(levels)) - item.levels
    goes_left = one_left if -1 in item.levels else missing_left
    return Split(item.column, None, left - {-1}, goes_left, *ends)


def _move_to_float64(thresholds: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The largest float64 values that XGBoost, which rounds values to float32, finds smaller than its thresholds."""
    if not (np.abs(thresholds) < _LARGEST_FLOAT32).all():
        raise PlanRefused("XGBoost divides a column at the end of what 32 bits can hold.")
    below = np.nextafter(thresholds, np.float32(-np.inf)).astype(np.float64)
    middle = (below + thresholds.astype(np.float64)) / 2
    # The middle itself is rounded to the even neighbour.
    return np.where(middle.astype(np.float32) < thresholds, middle, np.nextafter(middle, -np.inf))
