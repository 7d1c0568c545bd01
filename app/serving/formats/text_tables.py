"""Tables that are text, row by row: CSV (RFC 4180, UTF-8, with a header) and JSON Lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, NoReturn, cast

import orjson

from app.errors import InvalidTable, TooLarge

_LONGEST_NAME_SHOWN = 200
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# How long a cell may be is for the rules of rows to say; what a reader holds at once is bounded by whole rows.
csv.field_size_limit(1_000_000_000)


def read_csv_rows(file: BinaryIO, *, most_columns: int, row_bytes: int) -> Iterator[dict[str, str | None]]:
    """Yield rows by the names in the header. An empty cell is null, as it is in training.

    A column without a name is left out: pandas writes its index into one. A line that is empty is no row.
    """
    header, records = open_csv(file, most_columns=most_columns, row_bytes=row_bytes)
    return _name_cells(header, records)


def _name_cells(header: Sequence[str], records: Iterator[list[str]]) -> Iterator[dict[str, str | None]]:
    has_nameless = "" in header
    for cells in records:
        row = {name: cell or None for name, cell in zip(header, cells, strict=True)}
        if has_nameless:
            del row[""]
        yield row


def open_csv(file: BinaryIO, *, most_columns: int, row_bytes: int) -> tuple[list[str], Iterator[list[str]]]:
    """The names in the header, and the cells of the rows, of which there are as many."""
    lines = _CsvLines(file, row_bytes)
    records = _read_records(csv.reader(lines, strict=True), lines)
    header = next(records, [])
    check_columns([name for name in header if name], most_columns)
    return header, _require_cells(records, header, lines)


def _read_records(reader: Iterator[list[str]], lines: _CsvLines) -> Iterator[list[str]]:
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            raise InvalidTable(f"Line {lines.number} is not CSV: a quote is open or in the wrong place.") from None
        if cells is None:
            return
        lines.begin_row()
        yield cells


def _require_cells(records: Iterator[list[str]], header: Sequence[str], lines: _CsvLines) -> Iterator[list[str]]:
    for cells in records:
        if not cells:
            continue
        if len(cells) != len(header):
            raise InvalidTable(f"Line {lines.number} has {len(cells)} cells, the header {len(header)}.")
        yield cells


class _CsvLines:
    """Lines of text that are counted; a row of several, by quoted line ends, is bounded as a whole."""

    def __init__(self, file: BinaryIO, row_bytes: int) -> None:
        self.number = 0
        self._text = io.TextIOWrapper(cast("BinaryIO", _KeptOpen(file)), encoding="utf-8-sig", newline="")
        self._row_bytes = self._left = row_bytes

    def begin_row(self) -> None:
        self._left = self._row_bytes

    def __iter__(self) -> Iterator[str]:
        while line := self._read_line():
            self._left -= len(line)
            self.number += 1
            if self._left < 0:
                refuse_long_row(self.number, self._row_bytes)
            yield line

    def _read_line(self) -> str:
        try:
            return self._text.readline(self._left + 1)
        except UnicodeDecodeError:
            raise InvalidTable(f"The text is not UTF-8: it cannot be read after line {self.number}.") from None


class _KeptOpen(io.BufferedIOBase):
    """A file that stays open when what reads text from it is done: whoever opened it closes it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        return self._file.read(-1 if size is None else size)

    def read1(self, size: int = -1, /) -> bytes:
        return self._file.read(size)


def read_json_lines(file: BinaryIO, *, row_bytes: int) -> Iterator[dict[str, Any]]:
    """Yield one row for each line, which is one JSON object; lines of white space are no rows."""
    number = 0
    while line := file.readline(row_bytes + 1):
        number += 1
        if len(line) > row_bytes:
            refuse_long_row(number, row_bytes)
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line.isspace() and line:
            yield _read_object(line, number)


def _read_object(line: bytes, number: int) -> dict[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise InvalidTable(f"Line {number} is not JSON in UTF-8.") from None
    if not isinstance(row, dict):
        raise InvalidTable(f"Line {number} is not a JSON object.")
    # The bytes never show fewer colons than there are fields: more are in text, in values that nest, or told twice.
    if line.count(b":") != len(row):
        _refuse_repeated_fields(line, number)
    return row


def _refuse_repeated_fields(line: bytes, number: int) -> None:
    def check_names(pairs: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in pairs}) != len(pairs):
            raise InvalidTable(f"Line {number} names a field twice.", code="duplicate_field")

    try:
        # Numbers play no part, and Python refuses to convert very long ones.
        json.loads(line, object_pairs_hook=check_names, parse_int=len, parse_float=len)
    except RecursionError:
        raise InvalidTable(f"Line {number} nests too deeply.") from None


def check_columns(names: Sequence[str], most_columns: int) -> None:
    """Columns are matched by name, so each needs its own.

    Raises:
        InvalidTable: when there is none, or two have the same name.
        TooLarge: when there are more than a table may have.
    """
    if not names:
        raise InvalidTable("The table is empty: columns with names are expected.")
    if len(names) > most_columns:
        raise TooLarge(f"The table has {len(names)} columns; it may have {most_columns}.")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            shown = name[:_LONGEST_NAME_SHOWN]
            raise InvalidTable(f'The column "{shown}" is there twice.', code="duplicate_field")
        seen.add(name)


def refuse_long_row(line: int, row_bytes: int) -> NoReturn:
    raise TooLarge(f"The row at line {line} is longer than {row_bytes / 1_000_000:g} MB.")
