"""Small tables as columns, for those that are plain: all others are read row by row, which names what is wrong."""

from __future__ import annotations

import io
import operator
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from app.runtime.columns.column import Column
from app.serving.formats.media_types import CSV, JSON_LINES
from app.serving.formats.tables import USUAL_LIMITS, open_table
from app.serving.formats.text_tables import open_csv

Columns = Mapping[str, Column]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_columns(header: bytes, body: bytes, media_type: str) -> Columns | None:
    """The columns of a table that is in memory; None where only a look at each row tells what they are.

    Args:
        header: What comes before the rows.

    Raises:
        ServiceError: when it cannot be read; who reads it row by row is told by what.
    """
    if media_type == CSV:
        return _read_csv(header, body)
    if media_type == JSON_LINES:
        with open_table(io.BytesIO(header + body), JSON_LINES, chunk_rows=1_000) as table:
            return _turn_rows(list(chain.from_iterable(table)))
    # 30 MB that a process which never sees such a table does without.
    from app.serving.formats.arrow.columns import read_arrow_columns

    return read_arrow_columns(header + body)


def _read_csv(header: bytes, body: bytes) -> Columns | None:
    # With quotes, only who reads CSV can tell where a cell ends. Carriage returns that end no line and a mark of the
    # order of bytes, which belongs to the first cell here, are something else to Arrow.
    if b'"' in body or body.count(b"\r") != body.count(b"\r\n") or body.startswith(_BYTE_ORDER_MARK):
        return _read_quoted_csv(header + body)
    from app.serving.formats.arrow.columns import read_plain_csv

    names, _ = _open(header)
    return _drop_nameless(names, read_plain_csv(body, width=len(names)))


def _read_quoted_csv(content: bytes) -> Columns | None:
    names, records = _open(content)
    columns = list(map(Column.of, zip(*records, strict=True)))
    if not columns:
        return None
    return _drop_nameless(names, [Column([cell or None for cell in c.values], c.places) for c in columns])


def _open(content: bytes) -> tuple[list[str], Iterator[list[str]]]:
    return open_csv(io.BytesIO(content), most_columns=USUAL_LIMITS.columns, row_bytes=USUAL_LIMITS.row_bytes)


def _drop_nameless(names: Sequence[str], columns: Sequence[Column]) -> Columns:
    return {name: column for name, column in zip(names, columns, strict=True) if name}


def _turn_rows(rows: Sequence[Mapping[str, Any]]) -> Columns | None:
    """Columns of rows that all have the same fields."""
    names = rows[0].keys() if rows else ()
    if any(row.keys() != names for row in rows):
        return None
    return {name: Column.of(list(map(operator.itemgetter(name), rows))) for name in names}
