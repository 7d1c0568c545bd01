"""Evaluates CatBoost's models with NumPy: many trees of many rows in a call, added up in CatBoost's order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.runtime.plan.arrays import open_array, read_arrays
from app.runtime.plan.joint import AskRow, leave_alone
from app.runtime.plan.models.catboost_ctrs import Ctrs, NoCtrs, Values
from app.runtime.plan.models.catboost_joint import join_arrays

_FEW_ROWS = 8  # up to here it is cheaper to answer every level of every tree than each different question once
_BLOCK_ROWS = 512
_BLOCK_VALUES = 1 << 16  # how many numbers one call makes at most, so that they stay in the cache
_LARGEST_EXPONENT = 709.0  # beyond it exp() overflows float64 and NumPy warns


class CatBoostModel:
    """One fitted model, read from what export_catboost wrote."""

    def __init__(self, document: Mapping[str, Any], directory: Path) -> None:
        files = document["files"]
        arrays = read_arrays(directory / files["structure"])
        arrays |= {part: open_array(directory / files[part]) for part in ("leaves", "ctrs")}
        arrays["columns"] = np.array(document["columns"], dtype=np.intp)
        oblivious = document["trees"] == "oblivious"
        self._joinable_arrays = arrays if oblivious and not len(arrays["unknown_rank"]) else None
        self._inputs = _Inputs(arrays)
        self._trees = _ObliviousTrees(arrays) if oblivious else _NestedTrees(arrays)
        self._scale, self._bias = float(document["scale"]), np.array(document["bias"], dtype=np.float64)
        self._is_plain_sum = self._scale == 1 and not self._bias.any()
        self._link = _LINKS[document["link"]]
        self._one_column = bool(document["one_column"])

    def predict(self, matrix: Values) -> Values:
        """(rows, columns) -> (rows,) for one output, else (rows, outputs): what CatBoost's own prediction returns."""
        return self._finish(self._sum_trees(matrix))

    @classmethod
    def join(cls, models: Sequence[CatBoostModel]) -> Iterator[tuple[Sequence[CatBoostModel], AskRow]]:
        """Groups of models, and what answers for all of a group at once for one row."""
        groups: dict[tuple[Any, ...], list[CatBoostModel]] = {}
        for model in models:
            arrays = model._joinable_arrays
            shape = arrays and (arrays["tree_split"].shape[1], arrays["leaves"].shape[1], len(arrays["ctrs"]) > 0)
            groups.setdefault(shape or (id(model),), []).append(model)
        for group in groups.values():
            arrays_of_group = [model._joinable_arrays for model in group if model._joinable_arrays]
            if len(group) == 1:
                yield from leave_alone(group)
            else:
                yield group, _JointModels(arrays_of_group, [model._finish for model in group]).predict

    def _finish(self, sums: Values) -> Values:
        if not self._is_plain_sum:
            sums = sums * self._scale + self._bias
        answers = self._link(sums)
        return answers[:, 0] if self._one_column else answers

    def _sum_trees(self, matrix: Values) -> Values:
        if len(matrix) <= _BLOCK_ROWS:
            return self._sum_block(matrix)
        starts = range(0, len(matrix), _BLOCK_ROWS)
        return np.concatenate([self._sum_block(matrix[start : start + _BLOCK_ROWS]) for start in starts])

    def _sum_block(self, matrix: Values) -> Values:
        return self._trees.add_up(self._inputs.read(matrix))


class _Inputs:
    """The features that a model reads, and its statistics of them."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self._columns = arrays["columns"]
        self._fill = arrays["fill"][:, None]
        self._ctrs = Ctrs(arrays) if len(arrays["ctrs"]) else NoCtrs()

    def read(self, matrix: Values) -> Values:
        """(rows, columns) -> (features and statistics, rows)."""
        return self._ctrs.extend(np.fmin(matrix.T.take(self._columns, axis=0), self._fill))


class _JointModels:
    """Several models of oblivious trees, for one row."""

    def __init__(self, arrays: Sequence[Mapping[str, npt.NDArray[Any]]], finish: Sequence[Callable[..., Any]]) -> None:
        joined = join_arrays(arrays)
        self._inputs, self._trees = _Inputs(joined), _ObliviousTrees(joined)
        ends = itertools.pairwise(itertools.accumulate((len(own["leaf_start"]) for own in arrays), initial=0))
        self._parts = [(own, slice(*trees)) for own, trees in zip(finish, ends, strict=True)]

    def predict(self, matrix: Values) -> list[Values]:
        reached = self._trees.find_leaves(self._inputs.read(matrix))
        return [finish(np.add.accumulate(reached[trees])[-1]) for finish, trees in self._parts]


class _ObliviousTrees:
    """Trees that ask the same question at all nodes of a level: the answers are the bits of the leaf's number."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        splits = arrays["tree_split"]
        self._source, self._limit = arrays["split_source"].astype(np.intp), arrays["split_limit"][:, None]
        self._slot_source = self._source[splits].ravel()
        self._slot_limit = self._limit[splits].reshape(-1, 1)
        never = len(self._source) - 1
        self._depth = int((splits != never).sum(axis=1).max())
        self._levels = splits.T[: max(self._depth, 1)].astype(np.intp)
        self._start = arrays["leaf_start"].astype(np.intp)[:, None]
        self._leaves = arrays["leaves"]

    def add_up(self, values: Values) -> Values:
        """(features and statistics, rows) -> (rows, outputs), tree after tree as CatBoost adds them."""
        rows = values.shape[1]
        if rows > _FEW_ROWS:
            return self._add_up_many(values)
        sums: Values = np.add.accumulate(self.find_leaves(values))[-1]
        return sums

    def find_leaves(self, values: Values) -> Values:
        """For few rows: (features and statistics, rows) -> what each tree adds, (trees, rows, outputs)."""
        bits = values.take(self._slot_source, axis=0) > self._slot_limit
        leaf = np.packbits(bits, axis=0, bitorder="little")
        if self._depth > 8:
            leaf = leaf[::2] + leaf[1::2] * np.uint16(256)
        reached: Values = self._leaves.take(leaf + self._start, axis=0)
        return reached

    def _add_up_many(self, values: Values) -> Values:
        bits = self._answer(values)
        sums = np.zeros((values.shape[1], self._leaves.shape[1]))
        step = max(1, _BLOCK_VALUES // sums.size)
        for start in range(0, len(self._start), step):
            sums = self._add_trees(sums, bits, slice(start, start + step))
        return sums

    def _answer(self, values: Values) -> npt.NDArray[np.uint8]:
        bits = np.empty((len(self._source), values.shape[1]), dtype=bool)
        step = max(1, _BLOCK_VALUES // values.shape[1])
        for start in range(0, len(bits), step):
            block = slice(start, start + step)
            np.greater(values.take(self._source[block], axis=0), self._limit[block], out=bits[block])
        return bits.view(np.uint8)

    def _add_trees(self, sums: Values, bits: npt.NDArray[np.uint8], trees: slice) -> Values:
        levels = self._levels[:, trees]
        leaf = bits.take(levels[-1], axis=0)
        if self._depth > 8:
            leaf = leaf.astype(np.uint16)
        for level in levels[-2::-1]:
            leaf += leaf
            leaf |= bits.take(level, axis=0)
        # The sums so far come first, so that they are added to in the order of the trees.
        terms = np.empty((len(leaf) + 1, *sums.shape))
        terms[0] = sums
        self._leaves.take(leaf + self._start[trees], axis=0, out=terms[1:], mode="clip")
        added: Values = np.add.reduce(terms)
        return added


class _NestedTrees:
    """Trees with a question of its own at every node: all trees of all rows are walked at once, level by level."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        leaves = arrays["leaves"]
        # A leaf asks what no value passes, and leads to itself.
        splits = np.append(arrays["node_split"], np.full(len(leaves), len(arrays["split_source"]) - 1))
        self._source = arrays["split_source"].astype(np.intp).take(splits)
        self._limit = arrays["split_limit"].take(splits)
        self._next = np.stack((arrays["left"], arrays["right"]), axis=-1).astype(np.intp).ravel()
        self._roots, self._depth = arrays["root"].astype(np.intp)[:, None], int(arrays["depth"])
        self._leaves, self._inner = leaves, len(arrays["node_split"])

    def add_up(self, values: Values) -> Values:
        """(features and statistics, rows) -> (rows, outputs), tree after tree as CatBoost adds them."""
        step = max(1, _BLOCK_VALUES // len(self._roots))
        starts = range(0, values.shape[1], step)
        parts = [self._add_up_rows(np.ascontiguousarray(values[:, start : start + step])) for start in starts]
        return np.concatenate(parts) if len(parts) != 1 else parts[0]

    def _add_up_rows(self, values: Values) -> Values:
        rows = values.shape[1]
        flat, row = values.ravel(), np.arange(rows)
        node = np.tile(self._roots, (1, rows))
        for _ in range(self._depth):
            passes = flat.take(self._source.take(node) * rows + row) > self._limit.take(node)
            node += node
            node += passes
            node = self._next.take(node)
        reached = self._leaves.take(node - self._inner, axis=0)
        sums: Values = np.add.accumulate(reached)[-1]
        return sums


def _sigmoid(sums: Values) -> Values:
    """With the C library's exp(), as CatBoost does; NumPy's own differs in the last bit."""
    powers = np.array(list(map(math.exp, np.minimum(-sums, _LARGEST_EXPONENT).ravel().tolist())))
    return 1.0 / (1.0 + powers.reshape(sums.shape))


def _softmax(sums: Values) -> Values:
    powers = np.exp(sums - sums.max(axis=1, keepdims=True))
    shares: Values = powers / np.add.accumulate(powers, axis=1)[:, -1:]
    return shares


def _keep(sums: Values) -> Values:
    return sums


_LINKS = {"identity": _keep, "sigmoid": _sigmoid, "softmax": _softmax}
