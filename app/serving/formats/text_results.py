"""Predictions as text: CSV (RFC 4180) and JSON Lines. Numbers are written so that they read back as they were."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, BinaryIO, Protocol

import orjson


class Layout(Protocol):
    """What a writer has to know of a table."""

    @property
    def names(self) -> list[str]: ...

    def list_columns(
        self, labels: Sequence[Any], probabilities: Sequence[dict[str, float]] | None, ids: Sequence[str]
    ) -> list[Sequence[Any]]: ...


class CsvResultWriter:
    def __init__(self, sink: BinaryIO, layout: Layout) -> None:
        self._sink = sink
        self._layout = layout
        self._write_rows([layout.names])

    def write(
        self, labels: Sequence[Any], probabilities: Sequence[dict[str, float]] | None, ids: Sequence[str] = ()
    ) -> None:
        columns = self._layout.list_columns(labels, probabilities, ids)
        self._write_rows(list(zip(*map(_spell_booleans, columns), strict=True)))

    def close(self) -> None: ...

    def _write_rows(self, rows: Sequence[Sequence[Any]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._sink.write(text.getvalue().encode())


class JsonLinesResultWriter:
    def __init__(self, sink: BinaryIO, layout: Layout) -> None:
        self._sink = sink
        self._layout = layout
        self._names = layout.names

    def write(
        self, labels: Sequence[Any], probabilities: Sequence[dict[str, float]] | None, ids: Sequence[str] = ()
    ) -> None:
        columns = self._layout.list_columns(labels, probabilities, ids)
        for values in zip(*columns, strict=True):
            row = dict(zip(self._names, values, strict=True))
            self._sink.write(orjson.dumps(row, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None: ...


def _spell_booleans(values: Sequence[Any]) -> Sequence[Any]:
    """As in JSON, and as rows take them back."""
    return [str(value).lower() if isinstance(value, bool) else value for value in values]
