"""Where tables that are text can be cut: at the ends of records."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from app.errors import InvalidTable
from app.serving.formats.tables import USUAL_LIMITS
from app.serving.formats.text_tables import refuse_long_row

# Rows of thousands of columns: what is in memory has a bound in any case.
BYTES_OF_PART = 8_000_000
_LONGEST_ROW = USUAL_LIMITS.row_bytes
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Piece:
    """What a part is made of; see `TablePart`."""

    rows: int
    body: bytes
    header: bytes = b""
    first_line: int = 0


def cut_csv(source: BinaryIO, rows: int) -> Iterator[Piece]:
    lines = _Lines(source)
    header = _take_header(lines)
    while True:
        first_line = lines.taken + 1
        taken = lines.take(rows)
        if not taken:
            return
        # Without quotes every line is a record. With them, only who reads CSV can tell where one ends.
        has_quotes = any(b'"' in line for line in taken)
        count = _complete_records(lines, taken) if has_quotes else sum(map(_is_record, taken))
        if count:
            yield Piece(count, b"".join(taken), header, first_line)


def cut_json_lines(source: BinaryIO, rows: int) -> Iterator[Piece]:
    lines = _Lines(source)
    while True:
        first_line = lines.taken + 1
        taken = lines.take(rows)
        if not taken:
            return
        count = sum(1 for line in taken if line.strip())
        if count:
            yield Piece(count, b"".join(taken), first_line=first_line)


def _take_header(lines: _Lines) -> bytes:
    """The first record; whatever comes after it begins a line."""
    taken = [line.removeprefix(_BYTE_ORDER_MARK) for line in lines.take(1)]
    while taken and not _is_record(taken[0]):
        taken = lines.take(1)
    if taken:
        _complete_records(lines, taken)
    header = b"".join(taken)
    return header if header.endswith((b"\n", b"\r")) else header + b"\n"


def _is_record(line: bytes) -> bool:
    return line not in (b"\n", b"\r\n", b"\r", b"")


def _complete_records(lines: _Lines, taken: list[bytes]) -> int:
    """Count the records of some lines, after taking those that the last record goes on in.

    A reader of CSV asks for them itself, so a table is cut where it will be read.

    Raises:
        InvalidTable: for a quote that is open or in the wrong place.
        TooLarge: for a record that is longer than any row may be.
    """
    wanted = len(taken)

    def feed() -> Iterator[str]:
        yield from map(_decode, taken)
        size = 0
        while line := lines.take(1):
            taken.extend(line)
            size += len(line[0])
            if size > _LONGEST_ROW:
                refuse_long_row(lines.taken, _LONGEST_ROW)
            yield _decode(line[0])

    reader, count = csv.reader(feed(), strict=True), 0
    try:
        while reader.line_num < wanted:
            count += bool(next(reader))
    except csv.Error:
        raise InvalidTable(f"Line {lines.taken} is not CSV: a quote is open or in the wrong place.") from None
    return count


def _decode(line: bytes) -> str:
    """Quotes and ends of lines are the same bytes in Latin-1 as in UTF-8, and no byte is wrong in it."""
    return line.decode("latin-1")


class _Lines:
    """The lines of a file, with their ends: a line feed, a carriage return, or both.

    Attributes:
        taken: How many were.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._read = partial(source.readline, _LONGEST_ROW + 1)
        self._waiting: deque[bytes] = deque()
        self.taken = 0

    def take(self, most: int) -> list[bytes]:
        """The next lines, fewer where they are long."""
        taken: list[bytes] = []
        size = 0
        while len(taken) < most and size < BYTES_OF_PART and (line := self._next()):
            taken.append(line)
            size += len(line)
        self.taken += len(taken)
        return taken

    def _next(self) -> bytes:
        if self._waiting:
            return self._waiting.popleft()
        line = self._read()
        if len(line) > _LONGEST_ROW:
            refuse_long_row(self.taken + 1, _LONGEST_ROW)
        if b"\r" in line:
            self._waiting.extend(line.splitlines(keepends=True))
            return self._waiting.popleft()
        return line
