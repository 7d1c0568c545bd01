"""Rows as tables in every format, written by others' libraries."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow
import pyarrow.ipc
import pyarrow.lib
import pyarrow.parquet

from app.serving.formats.media_types import ARROW_STREAM, CSV, JSON_LINES, PARQUET


def write_table(rows: Sequence[dict[str, Any]], media_type: str) -> bytes:
    """Write rows that have the same fields in the same order."""
    if media_type == CSV:
        return _write_csv(rows)
    if media_type == JSON_LINES:
        return b"".join(orjson.dumps(row) + b"\n" for row in rows)
    names = list(rows[0])
    return write_arrow(pyarrow.table({name: [row[name] for row in rows] for name in names}), media_type)


def write_arrow(table: Any, media_type: str, *, compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    if media_type == PARQUET:
        pyarrow.parquet.write_table(table, sink)  # type: ignore[no-untyped-call]
    else:
        assert media_type == ARROW_STREAM
        options = pyarrow.lib.IpcWriteOptions(compression=compression)
        with pyarrow.ipc.new_stream(sink, table.schema, options=options) as writer:  # type: ignore[no-untyped-call]
            writer.write_table(table)
    return sink.getvalue()


def _write_csv(rows: Sequence[dict[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
