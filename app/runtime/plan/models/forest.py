"""Executes the random forests of a plan: few rows block by block, many as circuits of bits."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.runtime.plan.arrays import open_array
from app.runtime.plan.joint import AskRow
from app.runtime.plan.models.forest_blocks import BlockedForest, join_forests

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.unsignedinteger[Any]]

# Fewer rows do not pay for computing every gate.
_FEWEST_ROWS_OF_CIRCUIT = 256
# What one block works on stays in the second-level cache.
_MOST_ROWS_OF_CIRCUIT = 1280
_FEWEST_ROWS_OF_BOXES = 2000
_PAIRS_OF_SUM = 1 << 14
_MOST_COMPARED = 256
# 48 bytes each, in every worker.
_MOST_BLOCKS_TO_COPY = 250_000


class ForestModel:
    """A fitted forest; safe to call from several threads at once.

    The answers of the trees are added in their order, as scikit-learn does with one thread, so a row has the same bits
    alone and among others. The arrays are files in memory: processes share them.
    """

    def __init__(self, document: Mapping[str, Any], directory: Path) -> None:
        files, circuits = document["files"], document["circuits"]
        self._inputs = _Inputs(tuple(document["columns"]), tuple(document["fill"]))
        self._trees = int(document["trees"])
        self._values = np.load(directory / files["values"], allow_pickle=False)
        features = len(self._inputs.columns)
        conditions, blocks, exits = (open_array(directory / files[part]) for part in ("conditions", "blocks", "exits"))
        self._blocks = BlockedForest(conditions, blocks, exits, np.arange(self._trees), features)
        self._circuits = None if circuits is None else _Circuits(circuits, directory, features)

    def predict(self, matrix: Float64) -> Float64:
        """(rows, columns) to (rows,), for multiclass to (rows, classes)."""
        with np.errstate(over="ignore"):
            keys = self._inputs.read_keys(matrix)
        method = self._circuits if self._circuits and len(keys) >= _FEWEST_ROWS_OF_CIRCUIT else self._blocks
        total = np.empty((len(keys), *self._values.shape[1:]))
        for rows, places in method.find_leaves(keys):
            part = np.zeros((len(rows), *self._values.shape[1:]))
            for leaves in places:
                for answers in self._values.take(leaves, axis=0, mode="clip"):
                    part += answers
            total[rows] = part
        total /= self._trees
        return total

    @classmethod
    def join(cls, models: Sequence[ForestModel]) -> Iterator[tuple[Sequence[ForestModel], AskRow]]:
        """Groups of models that read the same features, and what answers for all of a group at once for one row."""
        groups: dict[object, list[ForestModel]] = {}
        for model in models:
            is_small = len(model._blocks.blocks) <= _MOST_BLOCKS_TO_COPY
            groups.setdefault((model._inputs, model._values.shape[1:]) if is_small else model, []).append(model)
        for group in groups.values():
            yield group, _JointForests(group).predict


@dataclass(frozen=True)
class _Inputs:
    """The columns of the matrix that a forest reads, and what stands for a missing value in each."""

    columns: tuple[int, ...]
    fill: tuple[float, ...]

    def read_keys(self, matrix: Float64) -> Int64:
        """(rows, features): values as numbers that compare with the conditions, see release/plan/models/forest.py."""
        columns, fill, first_keys = self._arrays
        # Beyond float32 is infinity, on the right side of every threshold; callers silence NumPy's warning.
        values = matrix.take(columns, axis=1).astype(np.float32)
        np.copyto(values, fill, where=np.isnan(values))
        values += np.float32(0)  # makes a zero of -0.0
        bits = values.view(np.int32)
        bits ^= (bits >> 31) & 0x7FFFFFFF
        return bits + first_keys

    @functools.cached_property
    def _arrays(self) -> tuple[Int64, npt.NDArray[np.float32], Int64]:
        first_keys = (np.arange(len(self.columns), dtype=np.int64) << 32) + 2**31
        return np.array(self.columns, np.intp), np.array(self.fill, np.float32), first_keys


class _JointForests:
    """Forests that read the same features, for one row; what is added up is the same as in each of them."""

    def __init__(self, models: Sequence[ForestModel]) -> None:
        self._inputs = models[0]._inputs
        counts = [len(model._values) for model in models]
        blocks = [model._blocks for model in models]
        self._blocks = blocks[0] if len(blocks) == 1 else join_forests(blocks, counts)
        self._values = np.concatenate([model._values for model in models])
        ends = np.cumsum([model._trees for model in models]).tolist()
        self._trees = list(itertools.pairwise([0, *ends]))

    def predict(self, matrix: Float64) -> list[Float64]:
        leaves = self._blocks.find_leaves_of_row(self._inputs.read_keys(matrix)[0])
        answers = self._values.take(leaves, axis=0)
        # Unlike a sum, which adds in pairs where it likes to, an accumulation has only one order.
        return [np.add.accumulate(answers[start:end], axis=0)[-1:] / (end - start) for start, end in self._trees]


def _split_evenly(rows: Int64, most: int) -> Iterator[Int64]:
    step = max(1, -(-len(rows) // max(1, -(-len(rows) // most))))
    return (rows[start : start + step] for start in range(0, len(rows), step))


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
