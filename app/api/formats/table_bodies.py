"""A body that is a table: kept beside the memory once it is large, and read from there chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from app.api.bodies.pieces import iterate_body
from app.api.bodies.reading import BodyLimits
from app.api.bodies.under_way import follow_body
from app.serving.formats.tables import Row, TableLimits, open_table

SPOOLED_BYTES = 1_000_000
# Parquet packs a hundred times and more what repeats.
_MOST_EXPANSION = 20


class TableBody:
    """The rows of a request that is under way. They can be read more than once, one reading at a time."""

    def __init__(self, file: BinaryIO, media_type: str, limits: TableLimits) -> None:
        self._file = file
        self._media_type = media_type
        self._limits = limits

    def read_chunks(self, chunk_rows: int) -> Iterator[list[Row]]:
        self._file.seek(0)
        with open_table(self._file, self._media_type, chunk_rows=chunk_rows, limits=self._limits) as table:
            yield from table


@contextmanager
def store_table(media_type: str, limits: BodyLimits) -> Iterator[TableBody]:
    """Take in the body of the present request, which is a table, until the block ends.

    Raises:
        UnsupportedMediaType, TooLarge, BadRequest: when the body cannot be read.
        LethalRequest: when workers have died of it.
    """
    with SpooledTemporaryFile(max_size=SPOOLED_BYTES) as file:
        for piece in follow_body(iterate_body(limits.size)):
            file.write(piece)
        table_limits = TableLimits(row_bytes=limits.size, uncompressed_bytes=_MOST_EXPANSION * limits.size)
        yield TableBody(cast("BinaryIO", file), media_type, table_limits)
