"""Cutting of a table into parts that are small tables of their own. Nobody reads a value here.

Cutting is cheap beside reading: one process cuts, and any number of others read, check and predict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from app.errors import UnsupportedMediaType
from app.serving.formats.media_types import ARROW_STREAM, CSV, JSON_LINES, PARQUET
from app.serving.scoring.text_parts import Piece, cut_csv, cut_json_lines

# One pass over 10,000 rows costs a plan two thirds of what ten over 1,000 do; larger ones gain little.
ROWS_OF_PART = 10_000


@dataclass(frozen=True)
class TablePart:
    """Consecutive rows of a table.

    Attributes:
        number: Parts count from 0.
        first_row: What the first of its rows is counted as in the whole table, from 0.
        media_type: Of its content, which is not always that of the whole table.
        header: What comes before the rows in each part, and before the first row of the table.
        first_line: The line of the table that its rows begin at, from 1; 0 where the format has no lines.
    """

    number: int
    first_row: int
    rows: int
    media_type: str
    header: bytes
    body: bytes
    first_line: int

    @property
    def content(self) -> bytes:
        """The part as a table of its own."""
        return self.header + self.body

    @property
    def content_at_its_lines(self) -> bytes:
        """The same with empty lines in place of the rows before it, for who has to name the line of a fault."""
        return self.header + b"\n" * (self.first_line - 1 - self.header.count(b"\n")) + self.body


def cut_table(source: BinaryIO, media_type: str, *, rows: int = ROWS_OF_PART) -> Iterator[TablePart]:
    """Yield the parts of a table in order, each of at most so many rows; a table without rows has no parts.

    Raises:
        UnsupportedMediaType: for what is no table.
        InvalidTable: when it cannot be cut.
        TooLarge: for a line that is longer than any row may be.
    """
    cutters: Mapping[str, Callable[[BinaryIO, int], Iterator[Piece]]] = {
        CSV: cut_csv,
        JSON_LINES: cut_json_lines,
        PARQUET: _cut_parquet,
        ARROW_STREAM: _cut_arrow_stream,
    }
    if media_type not in cutters:
        raise UnsupportedMediaType(f"A table in the format {media_type} cannot be read here.")
    part_type = ARROW_STREAM if media_type == PARQUET else media_type
    first_row = 0
    for number, piece in enumerate(cutters[media_type](source, rows)):
        yield TablePart(number, first_row, piece.rows, part_type, piece.header, piece.body, piece.first_line)
        first_row += piece.rows


def _cut_parquet(source: BinaryIO, rows: int) -> Iterator[Piece]:
    # 30 MB that a process which never sees such a table does without.
    from app.serving.scoring.arrow_parts import cut_parquet

    return cut_parquet(source, rows)


def _cut_arrow_stream(source: BinaryIO, rows: int) -> Iterator[Piece]:
    from app.serving.scoring.arrow_parts import cut_arrow_stream

    return cut_arrow_stream(source, rows)
