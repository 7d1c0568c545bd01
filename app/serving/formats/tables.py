"""Tables in any format as chunks of rows: read as they are asked for, so memory holds one chunk however long they are.

A row is a dict of plain JSON values by column. What the values mean is for the validator: cells of a CSV are text here,
and text that is exactly a number is that number there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from app.errors import UnsupportedMediaType
from app.serving.formats.media_types import ARROW_STREAM, CSV, JSON_LINES, PARQUET
from app.serving.formats.text_tables import read_csv_rows, read_json_lines

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class TableLimits:
    """What a table may hold at most, so that no part of it that has to be in memory at once is too large.

    Attributes:
        columns: Of the whole table, whether the model knows them or not.
        row_bytes: Text of one row of CSV or JSON Lines.
        uncompressed_bytes: What the pages of a Parquet file take when they are unpacked; None for as much as they like.
    """

    columns: int = 10_000
    row_bytes: int = 16_000_000
    uncompressed_bytes: int | None = None


USUAL_LIMITS = TableLimits()


class Table:
    """Chunks of rows, each of `chunk_rows` rows but for the last. It can be read once; close it after use.

    Attributes:
        row_count: How many rows it has, where its format tells before it is read; those skipped count.
    """

    def __init__(
        self, rows: Iterator[Row], *, chunk_rows: int, close: Callable[[], None], row_count: int | None = None
    ) -> None:
        self._rows = rows
        self._chunk_rows = chunk_rows
        self._close = close
        self.row_count = row_count

    def __iter__(self) -> Iterator[list[Row]]:
        """Yield the chunks.

        Raises:
            InvalidTable: at the first fault, which it names; chunks before it were whole.
            TooLarge: for more than the limits allow.
        """
        while chunk := list(islice(self._rows, self._chunk_rows)):
            yield chunk

    def __enter__(self) -> Table:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file that was opened for it; a file that was given stays open."""
        self._close()


def open_table(
    source: Path | BinaryIO,
    media_type: str,
    *,
    chunk_rows: int,
    limits: TableLimits = USUAL_LIMITS,
    skip_rows: int = 0,
) -> Table:
    """Open a table that lies in a file or is read from one that is open (in binary; for Parquet and Arrow, seekable).

    Args:
        media_type: One of `media_types.TABLES`.
        skip_rows: Rows at the start that are left out: who goes on where another stopped need not have them checked.

    Raises:
        InvalidTable: when its header, or for Parquet its footer, cannot be read.
        UnsupportedMediaType: for another media type.
        OSError: when there is no such file.
    """
    with ExitStack() as opened:
        file = opened.enter_context(source.open("rb")) if isinstance(source, Path) else source
        rows, row_count = _open_rows(file, media_type, chunk_rows, limits)
        left = islice(rows, skip_rows, None)
        return Table(left, chunk_rows=chunk_rows, close=opened.pop_all().close, row_count=row_count)


def _open_rows(
    file: BinaryIO, media_type: str, chunk_rows: int, limits: TableLimits
) -> tuple[Iterator[Row], int | None]:
    if media_type == CSV:
        return read_csv_rows(file, most_columns=limits.columns, row_bytes=limits.row_bytes), None
    if media_type == JSON_LINES:
        return read_json_lines(file, row_bytes=limits.row_bytes), None
    if media_type not in (PARQUET, ARROW_STREAM):
        raise UnsupportedMediaType(f"A table in the format {media_type} cannot be read here.")
    # 30 MB that a process which never sees such a table does without.
    from app.serving.formats.arrow.tables import open_arrow_stream, open_parquet

    if media_type == ARROW_STREAM:
        return open_arrow_stream(file, step=chunk_rows, most_columns=limits.columns), None
    return open_parquet(
        file, step=chunk_rows, most_columns=limits.columns, uncompressed_bytes=limits.uncompressed_bytes
    )
