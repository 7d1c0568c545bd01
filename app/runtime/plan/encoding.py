"""Typed rows as the matrix that the models of a plan read."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from app.runtime.columns.column import Column
from app.runtime.plan.date_features import DATE_PARTS, DateReader
from app.runtime.rows import TypedRow

Matrix = npt.NDArray[np.float64]
FillMatrix = Callable[[Sequence[TypedRow], Matrix], None]


class FeatureEncoder:
    """Follows the feature steps of a plan, as `release/plan/features.py` wrote them.

    The loop over the rows is written out as Python source for this plan, as dataclasses do for their methods: one row
    of 19 features takes half the time of a function per column, and many rows are the same code.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._width = len(document["columns"])
        self._fill = _compile_loop(document)
        self._document = document

    def encode(self, rows: Sequence[TypedRow]) -> Matrix:
        """(rows, columns): numbers, 0 and 1, and codes of categories, NaN where AutoGluon has none."""
        matrix = np.empty((len(rows), self._width))
        self._fill(rows, matrix)
        return matrix

    def encode_columns(self, features: Sequence[Column]) -> Matrix:
        """The same for rows by their columns: each different value is encoded once."""
        matrix = np.empty((len(features[0].places), self._width))
        for encoder, column in zip(self._inputs, features, strict=True):
            encoder.fill(column, matrix)
        return matrix

    @cached_property
    def _inputs(self) -> list[_InputEncoder]:
        """Made when many rows come for the first time: a server may never see them."""
        return [_InputEncoder(self._document, number) for number in range(len(self._document["inputs"]))]


class _InputEncoder:
    """The part of the loop that reads one input: no column of a plan depends on two."""

    def __init__(self, document: Mapping[str, Any], number: int) -> None:
        columns = document["columns"]
        self._columns = [i for i, column in enumerate(columns) if column["input"] == number]
        own = [{**columns[i], "input": 0} for i in self._columns]
        dates = [{**date, "input": 0} if date["input"] == number else None for date in document["dates"]]
        self._fill = _compile_loop({"columns": own, "dates": dates, "inputs": document["inputs"][:1]})

    def fill(self, column: Column, matrix: Matrix) -> None:
        if not self._columns:
            return
        encoded = np.empty((len(column.values), len(self._columns)))
        self._fill(list(zip(column.values, strict=True)), encoded)
        matrix[:, self._columns] = encoded[column.places]


def _compile_loop(document: Mapping[str, Any]) -> FillMatrix:
    # Only positions get into the source: names and values of the document are looked up when it runs.
    columns = document["columns"]
    values: dict[str, Any] = {
        "nan": math.nan,
        "float32": np.float32,
        "pack_into": struct.Struct(f"{len(columns)}d").pack_into,
    }
    values |= {f"read{i}": DateReader(date).read for i, date in enumerate(document["dates"]) if date}
    for i, column in enumerate(columns):
        values |= _bind_values(i, column)
    source = "\n".join(_write_loop(document))
    exec(compile(source, "<feature steps>", "exec"), values)  # noqa: S102
    fill: FillMatrix = values["fill"]
    return fill


def _bind_values(i: int, column: Mapping[str, Any]) -> dict[str, Any]:
    if column["kind"] == "two_valued":
        return {f"true{i}": column["true"]}
    if column["kind"] == "category":
        codes: dict[Any, float] = {level: float(code) for code, level in enumerate(column["levels"])}
        if column["null"] is not None:
            codes[None] = float(column["null"])
        return {f"code{i}": codes.get}
    return {}


def _write_loop(document: Mapping[str, Any]) -> Iterator[str]:
    columns = document["columns"]
    yield "def fill(rows, matrix):"
    yield "    offset = 0"
    yield f"    for {''.join(f'v{i}, ' for i in range(len(document['inputs'])))} in rows:"
    for i, date in enumerate(document["dates"]):
        if date:
            yield f"        {', '.join(f'{part}{i}' for part in DATE_PARTS)} = read{i}(v{int(date['input'])})"
    cells = [_write_cell(i, column) for i, column in enumerate(columns)]
    yield f"        pack_into(matrix, offset, {', '.join(cells)})"
    yield f"        offset += {8 * len(columns)}"


def _write_cell(i: int, column: Mapping[str, Any]) -> str:
    value = f"v{int(column['input'])}"
    if column["kind"] == "two_valued":
        return f"1.0 if {value} == true{i} else 0.0"
    if column["kind"] == "category":
        return f"code{i}({value}, nan)"
    if column["kind"] == "date":
        return f"{DATE_PARTS[DATE_PARTS.index(column['part'])]}{int(column['date'])}"
    null = "nan" if column["null"] is None else "0.0"
    return f"{null} if {value} is None else {f'float32({value})' if column['is_float32'] else value}"
