"""Executes the random forests of a plan: one row by what it passes, many rows as circuits of bits or node by node."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.runtime.plan.arrays import open_array

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.unsignedinteger[Any]]

_LOW = 0xFFFFFFFF
# Between two looks for leaves, rows that have reached theirs stay there: a leaf is its own child.
_LEVELS_BETWEEN_LOOKS = 4
# Whether a condition is passed takes 8 bytes of every thread while the cache has room for them: adding needs no casts.
_MOST_CONDITIONS_IN_8_BYTES = 2**16
# Fewer rows do not pay for computing every gate.
_FEWEST_ROWS_OF_CIRCUIT = 256
# What one block works on stays in the second-level cache.
_MOST_ROWS_OF_CIRCUIT = 1280
_FEWEST_ROWS_OF_BOXES = 2000
_PAIRS_OF_SUM = 1 << 14
_PAIRS_OF_WALK = 1 << 13
_MOST_COMPARED = 256


class ForestModel:
    """A fitted forest; safe to call from several threads at once.

    The answers of the trees are added in their order, as scikit-learn does with one thread, so a row has the same bits
    alone and among others. The arrays are files in memory: processes share them.
    """

    def __init__(self, document: Mapping[str, Any], directory: Path) -> None:
        files, circuits = document["files"], document["circuits"]
        self._columns = np.array(document["columns"], np.intp)
        self._fill = np.array(document["fill"], np.float32)
        self._first_keys = (np.arange(len(self._columns), dtype=np.int64) << 32) + 2**31
        self._trees = int(document["trees"])
        self._values = open_array(directory / files["values"])
        self._conditions = open_array(directory / files["conditions"])
        nodes = open_array(directory / files["nodes"])
        self._one_row = _OneRow(nodes, self._conditions, len(self._columns), self._trees)
        self._walk = _Walk(nodes, self._conditions, self._trees)
        self._circuits = None if circuits is None else _Circuits(circuits, directory, len(self._columns))

    def predict(self, matrix: Float64) -> Float64:
        """(rows, columns) to (rows,), for multiclass to (rows, classes)."""
        keys = self._read_keys(matrix)
        if len(keys) == 1:
            answers = self._values.take(self._one_row.find_leaves(keys[0]), axis=0)
            # Unlike a sum, which adds in pairs where it likes to, an accumulation has only one order.
            one: Float64 = np.add.accumulate(answers, axis=0)[-1:] / self._trees
            return one
        method = self._circuits if self._circuits and len(keys) >= _FEWEST_ROWS_OF_CIRCUIT else self._walk
        total = np.empty((len(keys), *self._values.shape[1:]))
        for rows, places in method.find_leaves(keys):
            part = np.zeros((len(rows), *self._values.shape[1:]))
            for leaves in places:
                for answers in self._values.take(leaves, axis=0, mode="clip"):
                    part += answers
            total[rows] = part
        total /= self._trees
        return total

    def _read_keys(self, matrix: Float64) -> Int64:
        """(rows, features): values as numbers that compare with the conditions, see release/plan/models/forest.py."""
        with np.errstate(over="ignore"):  # beyond float32 is infinity, on the right side of every threshold
            values = matrix.take(self._columns, axis=1).astype(np.float32)
        np.copyto(values, self._fill, where=np.isnan(values))
        values += np.float32(0)  # makes a zero of -0.0
        bits = values.view(np.int32)
        bits ^= (bits >> 31) & 0x7FFFFFFF
        return bits + self._first_keys


def _split_evenly(rows: Int64, most: int) -> Iterator[Int64]:
    step = max(1, -(-len(rows) // max(1, -(-len(rows) // most))))
    return (rows[start : start + step] for start in range(0, len(rows), step))


class _OneRow:
    """Follows one row through all trees at once.

    Each thread remembers which conditions its last row passed and changes those that the next one does not share.
    """

    def __init__(self, nodes: Int64, conditions: Int64, features: int, trees: int) -> None:
        self._nodes = nodes
        self._conditions = conditions
        self._starts = _find_starts(conditions, features)[:-1]
        self._roots = nodes[:trees].copy()
        self._low = np.full(trees, _LOW)
        self._shift = np.full(trees, 32)
        self._leaf = len(conditions)
        self._type = np.int64 if len(conditions) <= _MOST_CONDITIONS_IN_8_BYTES else np.uint8
        self._last = threading.local()

    def find_leaves(self, keys: Int64) -> Int64:
        """(features,) to (trees,): the place of each leaf's value."""
        passes, nodes, low, shift, leaf = self._find_passed(keys), self._nodes, self._low, self._shift, self._leaf
        node, read, step = self._roots.copy(), np.empty_like(self._roots), np.empty(len(self._roots), self._type)
        for level in itertools.count():
            np.bitwise_and(node, low, read)
            # The smallest by its place costs a third of min().
            if level % _LEVELS_BETWEEN_LOOKS == 0 and read[read.argmin()] >= leaf:
                break
            passes.take(read, 0, step, "clip")
            np.right_shift(node, shift, node)
            np.add(node, step, read)
            nodes.take(read, 0, node, "clip")
        return read - leaf

    def _find_passed(self, keys: Int64) -> npt.NDArray[np.integer[Any]]:
        """1 for each condition that the row is above, 0 for others and, at the end, for what stands in a leaf."""
        below = self._conditions.searchsorted(keys).tolist()
        try:
            passes, last = self._last.passes, self._last.below
        except AttributeError:
            passes, last = np.zeros(len(self._conditions) + 1, self._type), self._starts.tolist()
            self._last.passes = passes
        for new, old in zip(below, last, strict=True):
            if new > old:
                passes[old:new] = 1
            elif new < old:
                passes[new:old] = 0
        self._last.below = below
        found: npt.NDArray[np.integer[Any]] = passes
        return found


class _Walk:
    """Follows many rows through some trees at a time, dropping pairs of tree and row that have reached their leaf."""

    def __init__(self, nodes: Int64, conditions: Int64, trees: int) -> None:
        self._nodes = nodes
        self._conditions = conditions
        self._trees = trees
        features = conditions >> 32
        self._features = features.astype(np.min_scalar_type(int(features[-1])))

    def find_leaves(self, keys: Int64) -> Iterator[tuple[Int64, Iterator[Int64]]]:
        """Some of the rows of (rows, features), and for some trees after others the places of their leaves' values."""
        for rows in _split_evenly(np.arange(len(keys)), _PAIRS_OF_WALK):
            yield rows, self._follow(keys[rows])

    def _follow(self, keys: Int64) -> Iterator[Int64]:
        ranks = self._conditions.searchsorted(keys).ravel()
        offsets = np.arange(len(keys)) * keys.shape[1]
        step = max(1, _PAIRS_OF_WALK // len(keys))
        for first in range(0, self._trees, step):
            roots = self._nodes[first : min(first + step, self._trees)]
            places = self._descend(ranks, np.repeat(roots, len(keys)), np.tile(offsets, len(roots)))
            yield places.reshape(len(roots), len(keys))

    def _descend(self, ranks: Int64, node: Int64, offset: Int64) -> Int64:
        places = np.empty_like(node)
        pairs = np.arange(len(node))
        while len(pairs):
            for _ in range(_LEVELS_BETWEEN_LOOKS):
                read = node & _LOW
                feature = self._features.take(read, mode="clip")
                node = self._nodes.take((node >> 32) + (ranks.take(offset + feature, mode="clip") > read), mode="clip")
            read = node & _LOW
            places[pairs] = read
            goes_on = np.flatnonzero(read < len(self._conditions))
            pairs, node, offset = pairs.take(goes_on), node.take(goes_on), offset.take(goes_on)
        return places - len(self._conditions)


class _Circuits:
    """The circuit for any row and, for so many rows that they fill boxes, those for the rows of one box each."""

    def __init__(self, document: Mapping[str, Any], directory: Path, features: int) -> None:
        files, groves = document["files"], document["groves"]
        conditions = _split(open_array(directory / files["circuits"]), document["conditions"])
        wires = _split(open_array(directory / files["wires"]), document["wires"])
        steps = _split(open_array(directory / files["steps"]), [sum(lengths) for lengths in groves])
        self._splits = np.array(document["splits"], np.int64)
        self._whole, *self._boxes = (
            _Circuit(own, features, read, _split(work, lengths), int(document["digits"]))
            for own, read, work, lengths in zip(conditions, wires, steps, groves, strict=True)
        )

    def find_leaves(self, keys: Int64) -> Iterator[tuple[Int64, Iterator[Places]]]:
        """Some of the rows of (rows, features), and for some trees after others the places of their leaves' values."""
        for circuit, own in self._share_out(keys):
            for rows in _split_evenly(own, _MOST_ROWS_OF_CIRCUIT):
                yield rows, circuit.find_leaves(keys[rows])

    def _share_out(self, keys: Int64) -> Iterator[tuple[_Circuit, Int64]]:
        rows = np.arange(len(keys))
        if len(keys) < _FEWEST_ROWS_OF_BOXES:
            yield self._whole, rows
            return
        place = np.zeros(len(keys), np.int64)
        while place[0] < len(self._splits):
            split = self._splits[place]
            place += place + 1 + (keys[rows, split >> 32] > split)
        place -= len(self._splits)
        for box, circuit in enumerate(self._boxes):
            if len(own := np.flatnonzero(place == box)):
                yield circuit, own


class _Circuit:
    """Computes every gate of a circuit for 64 rows a word; what gates are, _draw_circuit of the export says."""

    def __init__(
        self, conditions: Int64, features: int, wires: npt.NDArray[np.int32], groves: list[Int64], digits: int
    ) -> None:
        self._conditions = conditions
        self._starts = _find_starts(conditions, features).tolist()
        self._wires = wires
        self._widest = max(int(max(steps[:, :3].sum(axis=1).max(), steps[:, 3].max())) for steps in groves)
        self._groves = [steps.tolist() for steps in groves]
        self._digits = digits

    def find_leaves(self, keys: Int64) -> Iterator[Places]:
        """(rows, features) to (some trees, rows), for some trees after others: the places of the leaves' values."""
        table, rows_of = self._tabulate(keys)
        scratch = np.empty((2, self._widest, table.shape[1]), np.uint64)
        start = 0
        for steps in self._groves:
            operands = scratch[0, :0]
            for step in steps:
                end = start + sum(step)
                operands = self._compute(step, rows_of.take(self._wires[start:end]), table, scratch, operands)
                start = end
            trees, step = len(operands) // self._digits, max(1, _PAIRS_OF_SUM // len(keys))
            digits = operands.reshape(self._digits, trees, -1)
            for first in range(0, trees, step):
                yield _join_digits(digits[:, first : first + step])[:, : len(keys)]

    def _compute(self, step: list[int], rows: Int64, table: Words, scratch: Words, operands: Words) -> Words:
        """Compute the gates of a step from its conditions and operands; gather the operands of the next step."""
        ands, ors, choices, _ = step
        single, gates = ands + ors, ands + ors + choices
        read = table.take(rows[:gates], axis=0, out=scratch[1, :gates], mode="clip")
        results = table[len(table) - self._widest :]
        np.bitwise_and(read[:ands], operands[:ands], out=results[:ands])
        np.bitwise_or(read[ands:single], operands[ands:single], out=results[ands:single])
        left, right, chosen = operands[single:gates], operands[gates:], results[single:gates]
        np.bitwise_xor(left, right, out=chosen)
        np.bitwise_and(chosen, read[single:], out=chosen)
        np.bitwise_xor(chosen, left, out=chosen)
        passed: Words = table.take(rows[gates:], axis=0, out=scratch[0, : len(rows) - gates], mode="clip")
        return passed

    def _tabulate(self, keys: Int64) -> tuple[Words, Int64]:
        """Which rows pass which condition, with room for the gates, and where each wire reads.

        Conditions that the same rows pass share a row of the table.
        """
        parts, places, count = [], [], 0
        for (start, end), values in zip(itertools.pairwise(self._starts), keys.T, strict=True):
            own = self._conditions[start:end]
            part, place = _compare(own, values) if len(own) <= _MOST_COMPARED else _sort(own, values)
            parts.append(part)
            places.append(place + count)
            count += len(part)
        table = np.empty((2 * count + 2 + self._widest, -(-len(keys) // 64)), np.uint64)
        np.concatenate(parts, out=table[:count])
        np.invert(table[:count], out=table[count : 2 * count])
        table[2 * count], table[2 * count + 1] = 0, np.iinfo(np.uint64).max
        place = np.concatenate(places)
        return table, np.concatenate([place, place + count, np.arange(2 * count, len(table))])


def _split(array: npt.NDArray[Any], lengths: Sequence[int]) -> list[npt.NDArray[Any]]:
    return np.split(array, np.cumsum(lengths)[:-1])


def _find_starts(conditions: Int64, features: int) -> Int64:
    """Where the conditions of each feature begin, and where the last ones end."""
    return conditions.searchsorted(np.arange(features + 1, dtype=np.int64) << 32)


def _compare(conditions: Int64, values: Int64) -> tuple[Words, Int64]:
    """One row of bits per condition."""
    bits = np.packbits(conditions[:, None] < values, axis=1, bitorder="little")
    padded = np.zeros((len(conditions), -(-len(values) // 64) * 8), np.uint8)
    padded[:, : bits.shape[1]] = bits
    return padded.view(np.uint64), np.arange(len(conditions))


def _sort(conditions: Int64, values: Int64) -> tuple[Words, Int64]:
    """One row of bits per number of values that a condition can stop: those after it in their order pass."""
    order = values.argsort()
    bits = np.zeros((len(values) + 1, -(-len(values) // 64) * 8), np.uint8)
    bits[np.arange(len(values)), order >> 3] = 1 << (order & 7)
    words = bits.view(np.uint64)
    np.bitwise_or.accumulate(words[::-1], axis=0, out=words[::-1])
    stopped = np.diff(conditions.searchsorted(values[order]), prepend=0, append=len(conditions))
    return words, np.arange(len(words)).repeat(stopped)


def _join_digits(digits: Words) -> Places:
    """Digits of (digits, trees, words) to places of (trees, rows)."""
    low, *high = (_join_byte(digits[first : first + 8]) for first in range(0, len(digits), 8))
    return low | high[0].astype(np.uint16) << np.uint16(8) if high else low


def _join_byte(digits: Words) -> npt.NDArray[np.uint8]:
    places = np.zeros((digits.shape[1], digits.shape[2] * 8), np.uint64)
    for digit in digits[::-1]:
        places += places
        places |= np.unpackbits(digit.view(np.uint8), axis=1, bitorder="little").view(np.uint64)
    return places.view(np.uint8)
