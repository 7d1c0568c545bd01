"""A table and its parts hold the same rows."""

from __future__ import annotations

import io
from itertools import chain
from typing import Any

import pyarrow
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.errors import InvalidTable, TooLarge, UnsupportedMediaType
from app.serving.formats.media_types import ARROW_STREAM, CSV, JSON_LINES, PARQUET, TABLES
from app.serving.formats.tables import open_table
from app.serving.scoring.parts import TablePart, cut_table
from tests.serving.scoring.builders import write_arrow, write_table

ROWS = [{"city": f"city {n}", "visits": n} for n in range(25)]


def read(content: bytes, media_type: str) -> list[dict[str, Any]]:
    with open_table(io.BytesIO(content), media_type, chunk_rows=1000) as table:
        return list(chain.from_iterable(table))


def cut(content: bytes, media_type: str, rows: int = 10) -> list[TablePart]:
    return list(cut_table(io.BytesIO(content), media_type, rows=rows))


def read_parts(parts: list[TablePart]) -> list[dict[str, Any]]:
    return [row for part in parts for row in read(part.content, part.media_type)]


@pytest.mark.parametrize("media_type", TABLES)
def test_parts_hold_the_rows_of_the_table_in_order_and_know_their_places(media_type: str) -> None:
    content = write_table(ROWS, media_type)
    parts = cut(content, media_type)
    assert read_parts(parts) == read(content, media_type)
    assert [(part.number, part.first_row, part.rows) for part in parts] == [(0, 0, 10), (1, 10, 10), (2, 20, 5)]


@pytest.mark.parametrize("media_type", TABLES)
def test_a_table_without_rows_has_no_parts(media_type: str) -> None:
    schema = pyarrow.schema([("city", pyarrow.string())])
    empty = {CSV: b"city\r\n", JSON_LINES: b"\n", PARQUET: b"", ARROW_STREAM: b""}[media_type]
    assert cut(empty or write_arrow(schema.empty_table(), media_type), media_type) == []


CELLS = st.text(st.sampled_from('ab"\n\r,ü '), max_size=4)


def quote(cell: str) -> str:
    """Quote what has to be, and nothing else: a quote within a cell is then a character."""
    has_to_be = cell.startswith('"') or any(character in cell for character in ",\r\n")
    return '"' + cell.replace('"', '""') + '"' if has_to_be else cell


TABLES_OF_TEXT = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8)
)


@given(TABLES_OF_TEXT, st.integers(1, 4), st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["", "\ufeff"]))
@example([['5" pipe'], ['6" "pipe"']], 1, "\n", "")
def test_a_csv_of_any_text_is_cut_between_its_records(
    cells: list[list[str]], rows: int, end_of_line: str, mark: str
) -> None:
    width = len(cells[0]) if cells else 1
    lines = [[f"column\n{number}" for number in range(width)], *cells]
    content = (mark + end_of_line.join(",".join(map(quote, line)) for line in lines)).encode()
    parts = cut(content, CSV, rows)
    assert read_parts(parts) == read(content, CSV)
    assert [part.first_row for part in parts] == [sum(p.rows for p in parts[:n]) for n in range(len(parts))]
    assert [part.rows for part in parts] == [len(read(part.content, CSV)) for part in parts]


def test_quotes_within_cells_that_are_not_quoted_are_characters() -> None:
    content = b'size,note\n5" pipe,a\n"two\nlines",b\n6" pipe,c\n7,d\n'
    parts = cut(content, CSV, 1)
    assert read_parts(parts) == read(content, CSV)
    assert [part.first_line for part in parts] == [2, 3, 5, 6]


def test_empty_lines_count_as_lines_and_not_as_rows() -> None:
    (part,) = cut(b"\n\nsize\n\n1\n\n2\n", CSV)
    assert (part.rows, part.first_line) == (2, 4)


def test_a_damaged_line_of_a_part_is_named_by_its_place_in_the_table() -> None:
    content = b"size,note\n" + b"1,a\n" * 20 + b"1,2,3\n"
    part = cut(content, CSV)[-1]
    with pytest.raises(InvalidTable, match="Line 22 has 3 cells"):
        read(part.content_at_its_lines, CSV)


def test_a_quote_that_is_never_closed_is_refused_before_all_of_the_file_is_in_memory() -> None:
    with pytest.raises(InvalidTable, match="Line 4 is not CSV"):
        cut(b'size\n1\n"2\n3\n', CSV)
    with pytest.raises(TooLarge, match="longer than 16 MB"):
        cut(b'size\n1\n"' + (b"2" * 1_000_000 + b"\n") * 30, CSV)


def test_a_line_that_is_longer_than_any_row_may_be_is_refused() -> None:
    with pytest.raises(TooLarge, match="line 2 is longer than 16 MB"):
        cut(b"size\n" + b"2" * 16_000_001, CSV)


def test_parts_of_long_rows_hold_fewer_of_them() -> None:
    assert [part.rows for part in cut(b"size\n" + (b"2" * 5_000_000 + b"\n") * 5, CSV)] == [2, 2, 1]
    column = pyarrow.array(["2" * 5_000_000] * 5)
    parts = cut(write_arrow(pyarrow.table({"size": column}), ARROW_STREAM), ARROW_STREAM)
    assert [part.rows for part in parts] == [1] * 5


@pytest.mark.parametrize("media_type", [PARQUET, ARROW_STREAM])
def test_what_is_not_of_its_format_is_refused(media_type: str) -> None:
    with pytest.raises(InvalidTable):
        cut(b"size\n1\n", media_type)


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType):
        cut(b"", "application/pdf")
