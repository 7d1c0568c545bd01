"""Bodies of the other dialects with faults in them: tables in four formats, MLflow's documents, tensors, compressed."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas
import pyarrow as pa
import zstandard
from pyarrow import ipc, parquet

from app.api.open_inference.requests import HEADER_LENGTH
from app.serving.formats.media_types import ARROW_STREAM, CSV, JSON_LINES, PARQUET
from tests.bench.hostile.fuzzing.bodies import Row, change_bytes

_JSON = "application/json"
_ODD_TYPES = ("text/csv; charset=utf-16", "application/x-parquet", "text/plain", "application/octet-stream", "")
_ACCEPTED = ("*/*", CSV, JSON_LINES, PARQUET, ARROW_STREAM, "application/json", "text/html", "*/*;q=0", "a" * 500)
_HOSTILE_CELLS = ("NaN", "1e999", "-0", '"', '""""', "=1+1", "\x00", "9" * 400, "a" * 20_000, "\ufeff", ",,,,", "\r")
# What a few kilobytes become: more than a body may have.
_BOMB_BYTES = 60_000_000


@dataclass(frozen=True)
class DialectBody:
    path: str
    headers: list[tuple[str, str]]
    body: bytes


class DialectMutator:
    """Makes requests that predict in another way than by the records of /predict, the same ones for the same seed.

    Args:
        model: The name of the served model.
    """

    def __init__(self, rows: Sequence[Row], *, model: str, seed: int) -> None:
        self._rows = rows
        self._model = model
        self._chooser = random.Random(seed)
        self._bombs = [("gzip", gzip.compress(bytes(_BOMB_BYTES))), ("zstd", zstandard.compress(bytes(_BOMB_BYTES)))]

    def make(self) -> DialectBody:
        makers: tuple[Callable[[list[Row]], DialectBody], ...] = (
            self._make_table,
            self._make_table,
            self._make_document,
            self._make_inference,
            self._make_tensors,
        )
        made = self._chooser.choice(makers)(self._chooser.choices(self._rows, k=self._chooser.choice((1, 1, 3, 40))))
        damage = self._chooser.random()
        if damage < 0.6:
            made = DialectBody(made.path, made.headers, change_bytes(made.body, self._chooser))
        if self._chooser.random() < 0.3:
            made = self._compress(made)
        if self._chooser.random() < 0.3:
            made.headers.append(("Accept", self._chooser.choice(_ACCEPTED)))
        return made

    def _make_table(self, rows: list[Row]) -> DialectBody:
        media_type, body = self._chooser.choice(list(write_tables(rows).items()))
        if media_type == CSV and self._chooser.random() < 0.5:
            cells = body.split(b",")
            cells[self._chooser.randrange(len(cells))] = self._chooser.choice(_HOSTILE_CELLS).encode()
            body = b",".join(cells)
        if self._chooser.random() < 0.1:
            media_type = self._chooser.choice((*_ODD_TYPES, CSV, PARQUET, ARROW_STREAM))
        path = self._chooser.choice(("/predict", "/predict", "/invocations", "/jobs"))
        return DialectBody(path, [("Content-Type", media_type)], body)

    def _make_document(self, rows: list[Row]) -> DialectBody:
        names = list(rows[0])
        values = [[row.get(name) for name in names] for row in rows]
        document = self._chooser.choice(
            (
                {"dataframe_split": {"columns": names, "data": values}},
                {"dataframe_split": {"columns": names[1:], "data": values, "index": [[], {}]}},
                {"dataframe_split": {"columns": names * 2, "data": values}},
                {"dataframe_records": rows, "params": {"a": [None]}},
                {"instances": rows, "inputs": rows},
                {"instances": values},
                {"inputs": {name: [row.get(name) for row in rows] for name in names}},
                {"inputs": dict.fromkeys(names, values)},
                {"inputs": 1e300},
            )
        )
        return DialectBody("/invocations", [("Content-Type", _JSON)], json.dumps(document).encode())

    def _make_inference(self, rows: list[Row]) -> DialectBody:
        inputs = [
            self._change_tensor({"name": name, "shape": [len(rows), 1], "datatype": "BYTES", "data": list(column)})
            for name, column in _list_columns(rows)
        ]
        return DialectBody(self._infer_path(), [("Content-Type", _JSON)], json.dumps({"inputs": inputs}).encode())

    def _change_tensor(self, tensor: dict[str, Any]) -> dict[str, Any]:
        if self._chooser.random() < 0.1:
            member = self._chooser.choice(list(tensor))
            tensor[member] = self._chooser.choice(([], {}, None, -1, 2**70, "FP8", [2**40, 2**40], [[[]]], 1e300, True))
        return tensor

    def _make_tensors(self, rows: list[Row]) -> DialectBody:
        """The extension for binary tensors: a head in JSON, then the bytes of each tensor."""
        inputs, contents = [], []
        for name, column in _list_columns(rows):
            content = b"".join(struct.pack("<I", len(text)) + text for text in (str(v).encode() for v in column))
            size = self._chooser.choice((len(content),) * 30 + (0, -1, len(content) + 1, 2**40))
            parameters = {"binary_data_size": size}
            tensor = {"name": name, "shape": [len(rows), 1], "datatype": "BYTES", "parameters": parameters}
            inputs.append(self._change_tensor(tensor))
            contents.append(content)
        head = json.dumps({"inputs": inputs}).encode()
        length = self._chooser.choice((str(len(head)),) * 8 + ("0", "-1", "x", str(10**30), str(len(head) + 3)))
        headers = [("Content-Type", "application/octet-stream"), (HEADER_LENGTH, length)]
        return DialectBody(self._infer_path(), headers, head + b"".join(contents))

    def _infer_path(self) -> str:
        name = self._chooser.choice((self._model,) * 8 + ("%00", "..%2f", "x" * 300))
        return f"/v2/models/{name}{self._chooser.choice(('', '', '/versions/1', '/versions/-1'))}/infer"

    def _compress(self, made: DialectBody) -> DialectBody:
        encoding, body = self._chooser.choice(
            (
                ("gzip", gzip.compress(made.body)),
                ("zstd", zstandard.compress(made.body)),
                ("gzip", gzip.compress(made.body)[:-9]),
                ("zstd", zstandard.compress(made.body)[:-3]),
                ("gzip", gzip.compress(gzip.compress(made.body))),
                ("gzip, zstd", zstandard.compress(gzip.compress(made.body))),
                ("gzip", made.body),
                ("br", made.body),
                ("gzip", gzip.compress(b"") * 2000),
                *self._bombs,
            )
        )
        return DialectBody(made.path, [*made.headers, ("Content-Encoding", encoding)], body)


def write_tables(rows: Sequence[Row]) -> Mapping[str, bytes]:
    """The same rows in each format, by its media type."""
    table = pa.table({name: [None if value is None else str(value) for value in c] for name, c in _list_columns(rows)})
    text, columns, stream = io.BytesIO(), pa.BufferOutputStream(), pa.BufferOutputStream()
    pandas.DataFrame(rows).to_csv(text, index=False)
    parquet.write_table(table, columns)  # type: ignore[no-untyped-call]
    with ipc.new_stream(stream, table.schema) as writer:  # type: ignore[no-untyped-call]
        writer.write_table(table)
    return {
        CSV: text.getvalue(),
        JSON_LINES: b"".join(json.dumps(row).encode() + b"\n" for row in rows),
        PARQUET: columns.getvalue().to_pybytes(),
        ARROW_STREAM: stream.getvalue().to_pybytes(),
    }


def _list_columns(rows: Sequence[Row]) -> list[tuple[str, list[Any]]]:
    return [(name, [row.get(name) for row in rows]) for name in rows[0]]
