"""Where tables that are text can be cut: at the ends of records."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from app.errors import InvalidTable
from app.serving.formats.tables import USUAL_LIMITS
from app.serving.formats.text_tables import refuse_long_row

# Rows of thousands of columns: what is in memory has a bound in any case.
BYTES_OF_PART = 8_000_000
_LONGEST_ROW = USUAL_LIMITS.row_bytes
_BYTES_READ = 1_000_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_FEED, _CARRIAGE_RETURN = b"\n\r"

Places = npt.NDArray[np.intp]
_START: Places = np.zeros(1, np.intp)


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
        if not taken.count:
            return
        # Without quotes every line is a record. With them, only who reads CSV can tell where one ends.
        if b'"' in taken.content:
            records = taken.split()
            count = _complete_records(lines, records)
            body = b"".join(records)
        else:
            count, body = taken.count - sum(map(_is_empty, taken.split_short())), taken.content
        if count:
            yield Piece(count, body, header, first_line)


def cut_json_lines(source: BinaryIO, rows: int) -> Iterator[Piece]:
    lines = _Lines(source)
    while True:
        first_line = lines.taken + 1
        taken = lines.take(rows)
        if not taken.count:
            return
        count = taken.count if taken.begins_each_with(b"{") else sum(1 for line in taken.split() if line.strip())
        if count:
            yield Piece(count, taken.content, first_line=first_line)


def _take_header(lines: _Lines) -> bytes:
    """The first record; whatever comes after it begins a line."""
    line = lines.take_one().removeprefix(_BYTE_ORDER_MARK)
    while line and _is_empty(line):
        line = lines.take_one()
    taken = [line]
    _complete_records(lines, taken)
    header = b"".join(taken)
    return header if header.endswith((b"\n", b"\r")) else header + b"\n"


def _is_empty(line: bytes) -> bool:
    return line in (b"\n", b"\r\n", b"\r", b"")


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
        while line := lines.take_one():
            taken.append(line)
            size += len(line)
            if size > _LONGEST_ROW:
                refuse_long_row(lines.taken, _LONGEST_ROW)
            yield _decode(line)

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


@dataclass(frozen=True)
class _Taken:
    """Whole lines one after the other.

    Attributes:
        starts, ends: Where each of them begins, and where the next one would.
    """

    content: bytes
    starts: Places
    ends: Places

    @property
    def count(self) -> int:
        return len(self.ends)

    def split(self) -> list[bytes]:
        return self._cut_out(slice(None))

    def split_short(self) -> list[bytes]:
        """Those with no more than an end of a line has."""
        return self._cut_out(self.ends - self.starts <= len(b"\r\n"))

    def begins_each_with(self, byte: bytes) -> bool:
        return bool((np.frombuffer(self.content, np.uint8)[self.starts] == byte[0]).all())

    def _cut_out(self, chosen: Any) -> list[bytes]:
        places = zip(self.starts[chosen].tolist(), self.ends[chosen].tolist(), strict=True)
        return [self.content[start:end] for start, end in places]


class _Lines:
    """The lines of a file, with their ends: a line feed, a carriage return, or both.

    Attributes:
        taken: How many were.
    """

    def __init__(self, source: BinaryIO) -> None:
        self.taken = 0
        self._source = source
        self._is_over = False
        # What was read last, the ends of lines that are whole in it, and how much of both was taken.
        self._content = b""
        self._ends: Places = np.empty(0, np.intp)
        self._start = self._taken_ends = 0

    def take(self, most: int) -> _Taken:
        """The next lines, fewer where they are long."""
        while not self._is_over and not self._has(most):
            self._read_on()
        ends = self._ends[self._taken_ends : self._taken_ends + most] - self._start
        ends = ends[: int(np.searchsorted(ends, BYTES_OF_PART)) + 1]
        starts = np.concatenate((_START, ends[:-1]))[: len(ends)]
        long = np.flatnonzero(ends - starts > _LONGEST_ROW)
        if len(long):
            refuse_long_row(self.taken + int(long[0]) + 1, _LONGEST_ROW)
        size = int(ends[-1]) if len(ends) else 0
        content = self._content[self._start : self._start + size]
        self._start += size
        self._taken_ends += len(ends)
        self.taken += len(ends)
        return _Taken(content, starts, ends)

    def take_one(self) -> bytes:
        """The next line, for who needs few and may need them one by one; empty at the end."""
        while not self._is_over and not self._has(1):
            self._read_on()
        if not self._has(1):
            return b""
        line = self._content[self._start : self._ends[self._taken_ends]]
        if len(line) > _LONGEST_ROW:
            refuse_long_row(self.taken + 1, _LONGEST_ROW)
        self._start += len(line)
        self._taken_ends += 1
        self.taken += 1
        return line

    def _has(self, most: int) -> bool:
        waiting = len(self._ends) - self._taken_ends
        return waiting >= most or (waiting > 0 and int(self._ends[-1]) - self._start >= BYTES_OF_PART)

    def _read_on(self) -> None:
        """Drop what was taken, and read more behind what was not."""
        piece = self._source.read(_BYTES_READ)
        self._is_over = not piece
        known = self._ends[self._taken_ends :] - self._start
        self._content = self._content[self._start :] + piece
        self._start = self._taken_ends = 0
        whole = int(known[-1]) if len(known) else 0
        self._ends = np.concatenate((known, _find_ends(self._content, whole, is_all=self._is_over)))
        unfinished = len(self._content) - (int(self._ends[-1]) if len(self._ends) else 0)
        if unfinished > _LONGEST_ROW:
            refuse_long_row(self.taken + len(self._ends) + 1, _LONGEST_ROW)


def _find_ends(content: bytes, start: int, *, is_all: bool) -> Places:
    """Where lines end behind a place that one begins at. Of a text that goes on, the last carriage return is unsure."""
    text = np.frombuffer(content, np.uint8)[start:]
    is_end = text == _LINE_FEED
    if b"\r" in content:
        is_end[:-1] |= (text[:-1] == _CARRIAGE_RETURN) & ~is_end[1:]
        is_end[-1:] |= is_all & (text[-1:] == _CARRIAGE_RETURN)
    ends = np.flatnonzero(is_end) + 1 + start
    if is_all and len(content) > (ends[-1] if len(ends) else start):
        ends = np.append(ends, len(content))
    return ends
