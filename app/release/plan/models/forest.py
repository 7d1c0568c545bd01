"""Exports AutoGluon's random forests and extra trees: ranked thresholds, blocks of nodes, and a form for many rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.release.plan.columns import EncodedColumn, PlanRefused, name_class
from app.release.plan.models.forest_blocks import write_blocks

Int64 = npt.NDArray[np.int64]

_MODELS = {"autogluon.tabular.models.rf.rf_model.RFModel", "autogluon.tabular.models.xt.xt_model.XTModel"}
_CLASSIFIERS = {f"sklearn.ensemble._forest.{name}" for name in ("RandomForestClassifier", "ExtraTreesClassifier")}
_REGRESSORS = {f"sklearn.ensemble._forest.{name}" for name in ("RandomForestRegressor", "ExtraTreesRegressor")}
_FORESTS = {"binary": _CLASSIFIERS, "multiclass": _CLASSIFIERS, "regression": _REGRESSORS}
_MOST = 2**31 - 1
# Beyond, following every row through the trees is cheaper than computing every gate for all rows.
_MOST_GATES_PER_TREE = 8000
_MOST_DIGITS = 16
_GATES_PER_GROVE = 36_000
# Each halving spares a row a quarter of the gates and makes the files 1.4 times as large.
_HALVINGS = 3


@dataclass(frozen=True)
class Nodes:
    """All nodes of a forest, tree after tree in scikit-learn's order.

    Attributes:
        feature: The feature that a split reads; negative for a leaf.
        key: The feature and threshold of a split as one number; see `make_keys`.
        left: Where the split's children are among all nodes.
        right: The same; negative for a leaf.
        value: What the node answers, (nodes, outputs).
        roots: Where each tree starts.
    """

    feature: Int64
    key: Int64
    left: Int64
    right: Int64
    value: npt.NDArray[np.float64]
    roots: Int64

    @property
    def is_leaf(self) -> npt.NDArray[np.bool_]:
        return self.feature < 0


# The splits and leaves of a forest, and the place of each leaf's value.
Box = tuple[Nodes, Int64]


@dataclass(frozen=True)
class Circuit:
    """A forest as boolean functions; see _draw_circuit."""

    conditions: Int64
    steps: list[tuple[int, ...]]
    wires: list[npt.NDArray[np.int32]]
    steps_of_groves: list[int]


def export_forest(model: Any, columns: Sequence[EncodedColumn], directory: Path, name: str) -> dict[str, Any]:
    """Write the arrays of a fitted RFModel or XTModel and return its document.

    A condition is the place of (feature, threshold) in `<name>.conditions.npy`. The leaves lead to places in
    `<name>.values.npy`. The nodes between are in two forms: blocks for some rows, circuits for many.

    Raises:
        PlanRefused: The model does something that these arrays do not say.
    """
    indexes, fill = _read_features(model, columns)
    nodes = _read_nodes(model, len(indexes))
    conditions = np.unique(nodes.key[~nodes.is_leaf])
    if not len(conditions):
        raise PlanRefused(f"No tree of {name} splits.")
    values, value_of = _find_values(nodes)
    if 8 * len(nodes.feature) > _MOST:
        raise PlanRefused(f"{name} has more nodes than a plan counts.")
    condition = np.where(nodes.is_leaf, len(conditions) + value_of, np.searchsorted(conditions, nodes.key))
    order, left = _order_breadth_first(nodes)
    write_blocks(
        left, condition[order], trees=len(nodes.roots), conditions=len(conditions), directory=directory, name=name
    )
    files = {part: f"{name}.{part}.npy" for part in ("blocks", "exits", "conditions", "values")}
    np.save(directory / files["conditions"], conditions)
    np.save(directory / files["values"], values)
    circuits = _write_circuits(nodes, value_of, directory, name)
    return {"columns": indexes, "fill": fill, "trees": len(nodes.roots), "files": files, "circuits": circuits}


def make_keys(
    features: npt.NDArray[np.integer[Any]], thresholds: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.int64]:
    """Numbers in the order of (feature, threshold): the bits of a float32 count upwards once negative ones are turned.

    scikit-learn compares float32 values with float64 thresholds; rounding the threshold down changes no answer.
    """
    rounded = thresholds.astype(np.float32)
    rounded = np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    bits = (rounded + np.float32(0)).view(np.int32).astype(np.int64)  # the addition makes a zero of -0.0
    return (features.astype(np.int64) << 32) + (bits ^ ((bits >> 63) & 0x7FFFFFFF)) + 2**31


def _read_features(model: Any, columns: Sequence[EncodedColumn]) -> tuple[list[int], list[float]]:
    """The columns that the model reads, in its order, and what stands for a missing value in each."""
    if name_class(model) not in _MODELS:
        raise PlanRefused(f"A {type(model).__name__} is none of the forests that plans know.")
    if model._model_specific_feature_generators is not None:
        raise PlanRefused("The forest makes features of its own.")
    same = model._is_features_in_same_as_ex
    names = list(model.features if same else model._features_internal_to_align)
    places = {column.name: place for place, column in enumerate(columns)}
    if not set(names) <= set(places):
        raise PlanRefused("The forest reads columns that the feature steps do not make.")
    read = [columns[places[name]] for name in names]
    categories = {column.name for column in read if column.levels is not None}
    if model._label_encoder is None or set(model._label_encoder.features_in) != categories:
        raise PlanRefused("The forest encodes other columns than the categories.")
    return [places[name] for name in names], [0.0 if column.levels is None else -1.0 for column in read]


def _read_nodes(model: Any, features: int) -> Nodes:
    forest, known = model.model, _FORESTS.get(model.problem_type, set())
    if name_class(forest) not in known:
        raise PlanRefused(f"A {type(forest).__name__} for {model.problem_type} is outside the plan.")
    trees = [estimator.tree_ for estimator in forest.estimators_]
    outputs = forest.n_classes_ if known is _CLASSIFIERS else 1
    if forest.n_features_in_ != features or forest.n_outputs_ != 1 or (known is _CLASSIFIERS and outputs < 2):
        raise PlanRefused("The forest has other features or outputs than its model says.")
    starts = np.cumsum([0] + [tree.node_count for tree in trees])
    feature = np.concatenate([tree.feature for tree in trees]).astype(np.int64)
    threshold = np.concatenate([tree.threshold for tree in trees])
    value = np.concatenate([tree.value[:, 0, :outputs] for tree in trees])
    return Nodes(
        feature=feature,
        key=make_keys(feature, threshold),
        left=_join(starts, [tree.children_left for tree in trees]),
        right=_join(starts, [tree.children_right for tree in trees]),
        value=value[:, 1:] if model.problem_type == "binary" and outputs == 2 else value,
        roots=starts[:-1],
    )


def _join(starts: Int64, children: Sequence[Int64]) -> Int64:
    return np.concatenate([np.where(own < 0, -1, own + start) for own, start in zip(children, starts, strict=False)])


def _find_values(nodes: Nodes) -> tuple[npt.NDArray[np.float64], Int64]:
    """The distinct answers of the leaves, the most frequent first, and the place of each leaf's among them."""
    leaves = np.flatnonzero(nodes.is_leaf)
    values, place, counts = _find_distinct(nodes.value[leaves])
    order = np.argsort(-counts, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    value_of = np.zeros(len(nodes.feature), np.int64)
    value_of[leaves] = rank[place.ravel()]
    return values[order], value_of


def _find_distinct(values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], Int64, Int64]:
    if values.shape[1] == 1:  # numbers sort many times faster than rows of one number
        return np.unique(values[:, 0], return_inverse=True, return_counts=True)
    return np.unique(values, axis=0, return_inverse=True, return_counts=True)


def _order_breadth_first(nodes: Nodes) -> tuple[Int64, Int64]:
    """All roots, then all their children, and so on: what every row reads lies close together.

    Returns:
        The nodes in their new order, and where in that order the left child of each is: a leaf is its own.
    """
    order, left, level, start = [], [], nodes.roots, 0
    while len(level):
        splits = nodes.left[level] >= 0
        first_child = start + len(level) + 2 * (np.cumsum(splits) - 1)
        order.append(level)
        left.append(np.where(splits, first_child, start + np.arange(len(level))))
        start += len(level)
        parents = level[splits]
        level = np.stack([nodes.left[parents], nodes.right[parents]], axis=1).ravel()
    return np.concatenate(order), np.concatenate(left)


def _write_circuits(nodes: Nodes, value_of: Int64, directory: Path, name: str) -> dict[str, Any] | None:
    """Write the forest as boolean functions of its conditions, for many rows: 64 rows are one word.

    The first circuit is for any row. Each of the others is for the rows in one box of the features' space, where many
    conditions are settled. A key of `splits`, root first, sends a row on: to the second half if its value is above.

    `<name>.circuits.npy` holds the conditions of one circuit after the other; see _draw_circuit for the other files.

    Returns:
        Its document; None for a forest that has none, because it would be too large to be of use.
    """
    digits = max(1, int(value_of.max()).bit_length())
    if digits > _MOST_DIGITS:
        return None
    bits = _find_constant_bits(nodes, value_of, digits)
    if int((bits < 0).sum()) > _MOST_GATES_PER_TREE * len(nodes.roots):
        return None
    splits, boxes = _cut_into_boxes((nodes, value_of))
    circuits = [_draw_circuit(nodes, bits)]
    circuits += [_draw_circuit(part, _find_constant_bits(part, places, digits)) for part, places in boxes]
    files = {part: f"{name}.{part}.npy" for part in ("circuits", "wires", "steps")}
    np.save(directory / files["circuits"], np.concatenate([circuit.conditions for circuit in circuits]))
    np.save(directory / files["wires"], np.concatenate([wires for circuit in circuits for wires in circuit.wires]))
    np.save(directory / files["steps"], np.array([step for circuit in circuits for step in circuit.steps], np.int64))
    return {
        "files": files,
        "digits": digits,
        "splits": splits,
        "conditions": [len(circuit.conditions) for circuit in circuits],
        "wires": [sum(map(len, circuit.wires)) for circuit in circuits],
        "groves": [circuit.steps_of_groves for circuit in circuits],
    }


def _cut_into_boxes(whole: Box) -> tuple[list[int], list[Box]]:
    """Halve the forest and its halves, each where most splits read: at the median threshold of that feature."""
    splits: list[int] = []
    boxes = [whole]
    for _ in range(_HALVINGS):
        keys = [_find_median_split(nodes) for nodes, _ in boxes]
        splits += keys
        boxes = [_cut(box, key, above=above) for box, key in zip(boxes, keys, strict=True) for above in (False, True)]
    return splits, boxes


def _find_median_split(nodes: Nodes) -> int:
    keys = nodes.key[~nodes.is_leaf]
    if not len(keys):
        return 0
    own = keys[keys >> 32 == np.bincount(keys >> 32).argmax()]
    return int(np.sort(own)[len(own) // 2])


def _cut(box: Box, key: int, *, above: bool) -> Box:
    """What is left of the forest for rows whose value is above the key, or for those whose value is not."""
    nodes, value_of = box
    settled = ~nodes.is_leaf & (nodes.key >> 32 == key >> 32) & (nodes.key <= key if above else nodes.key >= key)
    instead = np.where(settled, nodes.right if above else nodes.left, np.arange(len(settled)))
    while (again := instead[instead] != instead).any():
        instead[again] = instead[instead[again]]
    left, right = (np.where(nodes.is_leaf, -1, instead[children]) for children in (nodes.left, nodes.right))
    roots = instead[nodes.roots]
    levels = _find_levels(left, right, roots)
    reached = np.sort(np.concatenate([roots, *(children[level] for level in levels for children in (left, right))]))
    place = np.append(np.empty(len(left), np.int64), -1)
    place[reached] = np.arange(len(reached))
    rest = Nodes(
        feature=nodes.feature[reached],
        key=nodes.key[reached],
        left=place[left[reached]],
        right=place[right[reached]],
        value=nodes.value[reached],
        roots=place[roots],
    )
    return rest, value_of[reached]


def _draw_circuit(nodes: Nodes, bits: npt.NDArray[np.int8]) -> Circuit:
    """Write trees as boolean functions of their conditions.

    A leaf answers the place of its value, in binary; so each tree is one function per binary digit. A node computes
    `right if condition else left`, and less than that where a child is constant. Most digits of most subtrees are.
    Trees are evaluated a grove at a time and bottom up, all nodes of one depth in one step. A step of
    `<name>.steps.npy` counts its AND, its OR and its choosing gates and the operands that it passes on;
    `<name>.wires.npy` holds per step the conditions of its gates and then where its operands come from: from 0
    conditions, from `conditions` negated ones, then the constants 0 and 1, then the gates of this step.
    """
    conditions = np.unique(nodes.key[~nodes.is_leaf])
    condition = np.searchsorted(conditions, nodes.key)
    trees_per_grove = max(1, _GATES_PER_GROVE * len(nodes.roots) // max(1, int((bits < 0).sum())))
    groves = [
        _wire_grove(nodes, bits, condition, len(conditions), nodes.roots[start : start + trees_per_grove])
        for start in range(0, len(nodes.roots), trees_per_grove)
    ]
    return Circuit(
        conditions=conditions,
        steps=[step for grove in groves for step, _ in grove],
        wires=[wires for grove in groves for _, wires in grove],
        steps_of_groves=[len(grove) for grove in groves],
    )


def _find_levels(left: Int64, right: Int64, roots: Int64) -> list[Int64]:
    """The splits at each depth below the roots."""
    levels, level = [], roots
    while len(level):
        level = level[left[level] >= 0]
        levels.append(level)
        level = np.concatenate([left[level], right[level]])
    return levels


def _find_constant_bits(nodes: Nodes, value_of: Int64, digits: int) -> npt.NDArray[np.int8]:
    """(digits, nodes): the binary digit that all leaves below a node have, -1 where they differ."""
    levels = _find_levels(nodes.left, nodes.right, nodes.roots)
    bits = np.full((digits, len(value_of)), -1, np.int8)
    leaves = nodes.is_leaf
    for digit, known in enumerate(bits):
        known[leaves] = value_of[leaves] >> digit & 1
        for level in reversed(levels):
            left, right = known[nodes.left[level]], known[nodes.right[level]]
            known[level] = np.where(left == right, left, -1)
    return bits


def _wire_grove(
    nodes: Nodes, bits: npt.NDArray[np.int8], condition: Int64, conditions: int, roots: Int64
) -> list[tuple[tuple[int, ...], npt.NDArray[np.int32]]]:
    """The steps of some trees, bottom up; the last passes on the first digits of all, then the second ones."""
    steps = []
    wanted, digit = np.tile(roots, len(bits)), np.repeat(np.arange(len(bits)), len(roots))
    while len(wanted):
        own, left, right = bits[digit, wanted], nodes.left[wanted], nodes.right[wanted]
        a, b = bits[digit, left], bits[digit, right]
        # What needs no gate: a constant, or a condition as it is or negated.
        operands = np.where(own < 0, condition[wanted] + conditions * (b != 1), 2 * conditions + (own == 1))
        gates = np.flatnonzero((own < 0) & ((a < 0) | (b < 0)))
        kind = np.where((a < 0) & (b < 0), 2, ((a == 1) | (b == 1)).astype(np.int64))[gates]
        gates, kind = gates[np.argsort(kind, kind="stable")], np.sort(kind)
        operands[gates] = 2 * conditions + 2 + np.arange(len(gates))
        # `right if condition else left`: with left 0 or right 1 it reads the condition, else the condition's negation.
        negated = (kind < 2) & (a[gates] != 0) & (b[gates] != 1)
        counts = (*np.bincount(kind, minlength=3).tolist(), len(operands))
        steps.append((counts, np.concatenate([condition[wanted[gates]] + conditions * negated, operands])))
        lone, chosen = gates[kind < 2], gates[kind == 2]
        wanted = np.concatenate([np.where(a < 0, left, right)[lone], left[chosen], right[chosen]])
        digit = np.concatenate([digit[lone], digit[chosen], digit[chosen]])
    return [(counts, wires.astype(np.int32)) for counts, wires in reversed(steps)]
