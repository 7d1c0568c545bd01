"""Evaluates CatBoost's models with NumPy, one row in a few calls and many rows column by column, bit for bit alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.runtime.plan.catboost_ctrs import Column, Ctrs, NoCtrs, Values

_FEW_ROWS = 256  # up to here the fixed cost of the calls for each tree exceeds what columns save
_FEW_BYTES = 1 << 21  # what is between two steps for few rows, so that it stays in the cache
_MANY_BYTES = 1 << 24
_LARGEST_EXPONENT = 709.0  # beyond it exp() overflows float64 and NumPy warns


class CatBoostModel:
    """One fitted model, read from what export_catboost wrote."""

    def __init__(self, document: Mapping[str, Any], directory: Path) -> None:
        files = document["files"]
        with np.load(directory / files["structure"], allow_pickle=False) as stored:
            arrays = dict(stored)
        leaves, table = (_map_array(directory / files[part]) for part in ("leaves", "ctrs"))
        self._columns = np.array(document["columns"], dtype=np.intp)
        self._fill = arrays["fill"]
        self._ctrs = Ctrs(arrays, table) if len(table) else NoCtrs()
        self._in_columns = _ObliviousTrees(arrays, leaves) if document["trees"] == "oblivious" else None
        self._trees = self._in_columns or _NestedTrees(arrays, leaves)
        self._scale, self._bias = float(document["scale"]), np.array(document["bias"], dtype=np.float64)
        self._is_plain_sum = self._scale == 1 and not self._bias.any()
        self._link = _LINKS[document["link"]]
        self._one_column = bool(document["one_column"])
        numbers = len(self._fill) + len(arrays["ctr_row"]) + 4 * len(arrays["unknown_rank"])
        self._rows_in_columns = max(_FEW_ROWS, _MANY_BYTES // (8 * numbers + len(arrays["split_source"])))
        slots = self._trees.slots + arrays["dense_digit"].size
        self._rows_at_once = max(1, min(_FEW_ROWS, _FEW_BYTES // (8 * slots)))

    def predict(self, matrix: Values) -> Values:
        """(rows, columns) -> (rows,) for one output, else (rows, outputs): what CatBoost's own prediction returns."""
        sums = self._sum_trees(matrix)
        if not self._is_plain_sum:
            sums = sums * self._scale + self._bias
        answers = self._link(sums)
        return answers[:, 0] if self._one_column else answers

    def _sum_trees(self, matrix: Values) -> Values:
        rows = len(matrix)
        if rows <= self._rows_at_once:
            return self._sum_rows(matrix)
        if rows <= _FEW_ROWS or not self._in_columns:
            step = self._rows_at_once
            return np.concatenate([self._sum_rows(matrix[start : start + step]) for start in range(0, rows, step)])
        step = self._rows_in_columns
        blocks = (matrix[start : start + step] for start in range(0, rows, step))
        return np.concatenate([self._sum_columns(block, self._in_columns) for block in blocks])

    def _sum_rows(self, matrix: Values) -> Values:
        values = np.fmin(matrix.take(self._columns, axis=1), self._fill)
        return self._trees.add_up(self._ctrs.extend(values))

    def _sum_columns(self, matrix: Values, trees: _ObliviousTrees) -> Values:
        columns = np.fmin(matrix.take(self._columns, axis=1).T, self._fill[:, None], order="C")
        return trees.add_up_columns(self._ctrs.columns(list(columns)), len(matrix))


class _ObliviousTrees:
    """Trees that ask the same question at all nodes of a level: the answers are the bits of the leaf's number."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], leaves: Values) -> None:
        trees = arrays["tree_split"]
        self._source, self._limit = arrays["split_source"].astype(np.intp), arrays["split_limit"]
        self._slot_source = self._source[trees].ravel()
        self._slot_limit = self._limit[trees].ravel()
        self._is_deep = trees.shape[1] > 8
        self._start = arrays["leaf_start"].astype(np.intp)
        never = len(self._source) - 1
        self._levels = [[split for split in tree if split != never] for tree in trees.tolist()]
        self._leaves = leaves
        self.slots = self._slot_source.size  # how many values one row occupies on the way

    def add_up(self, values: Values) -> Values:
        """(rows, features and statistics) -> (rows, outputs), tree after tree as CatBoost adds them."""
        bits = values.take(self._slot_source, axis=-1) > self._slot_limit
        leaf = np.packbits(bits, axis=-1, bitorder="little")
        if self._is_deep:
            leaf = leaf.view("<u2")
        reached = self._leaves.take(leaf + self._start, axis=0)
        return np.add.accumulate(reached, axis=-2)[..., -1, :]

    def add_up_columns(self, values: list[Column], rows: int) -> Values:
        """The same from the columns of that matrix."""
        bits = _answer_splits(values, self._source, self._limit, rows)
        leaf: npt.NDArray[Any] = np.empty(rows, dtype=np.uint16 if self._is_deep else np.uint8)
        sums = np.zeros((rows, self._leaves.shape[1]))
        ends = [*self._start.tolist()[1:], len(self._leaves)]
        for levels, start, end in zip(self._levels, self._start.tolist(), ends, strict=True):
            leaf.fill(0)
            for split in reversed(levels):
                leaf += leaf
                leaf |= bits[split]
            sums += self._leaves[start:end].take(leaf, axis=0)
        return sums


class _NestedTrees:
    """Trees with a question of its own at every node: all trees of all rows are walked at once, level by level."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], leaves: Values) -> None:
        # A leaf asks what no value passes, and leads to itself.
        splits = np.append(arrays["node_split"], np.full(len(leaves), len(arrays["split_source"]) - 1))
        self._source = arrays["split_source"].astype(np.intp).take(splits)
        self._limit = arrays["split_limit"].take(splits)
        self._next = np.stack((arrays["left"], arrays["right"]), axis=-1).astype(np.intp).ravel()
        self._roots, self._depth = arrays["root"].astype(np.intp), int(arrays["depth"])
        self._leaves, self._inner = leaves, len(arrays["node_split"])
        self.slots = self._roots.size

    def add_up(self, values: Values) -> Values:
        """(rows, features and statistics) -> (rows, outputs), tree after tree as CatBoost adds them."""
        rows, width = values.shape
        offsets = np.arange(0, rows * width, width)[:, None]
        flat = values.ravel()
        node = np.tile(self._roots, (rows, 1))
        for _ in range(self._depth):
            passes = flat.take(self._source.take(node) + offsets) > self._limit.take(node)
            node += node
            node += passes
            node = self._next.take(node)
        reached = self._leaves.take(node - self._inner, axis=0)
        return np.add.accumulate(reached, axis=-2)[..., -1, :]


def _answer_splits(
    values: list[Column], source: npt.NDArray[np.intp], limit: Values, rows: int
) -> npt.NDArray[np.uint8]:
    bits = np.empty((len(source), rows), dtype=bool)
    for answer, place, exceeded in zip(bits, source.tolist(), limit.tolist(), strict=True):
        np.greater(values[place], exceeded, out=answer)
    return bits.view(np.uint8)


def _map_array(path: Path) -> npt.NDArray[Any]:
    stored: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return stored.view(np.ndarray)


def _sigmoid(sums: Values) -> Values:
    """With the C library's exp(), as CatBoost does; NumPy's own differs in the last bit."""
    powers = [[math.exp(min(-value, _LARGEST_EXPONENT)) for value in row] for row in sums.tolist()]
    return 1.0 / (1.0 + np.array(powers))


def _softmax(sums: Values) -> Values:
    powers = np.exp(sums - sums.max(axis=1, keepdims=True))
    shares: Values = powers / np.add.accumulate(powers, axis=1)[:, -1:]
    return shares


def _keep(sums: Values) -> Values:
    return sums


_LINKS = {"identity": _keep, "sigmoid": _sigmoid, "softmax": _softmax}
