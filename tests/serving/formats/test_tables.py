from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from app.errors import InvalidTable, TooLarge, UnsupportedMediaType
from app.serving.formats.media_types import (
    ARROW_STREAM,
    CSV,
    JSON_LINES,
    PARQUET,
    find_format_of_file,
    find_table_format,
)
from app.serving.formats.tables import TableLimits, open_table
from tests.serving.formats.builders import write_table

ROWS: list[dict[str, Any]] = [
    {"city": "Oslo", "visits": 1},
    {"city": None, "visits": 2},
    {"city": "Rome, IT", "visits": 3},
]


def read(body: bytes, media_type: str, *, chunk_rows: int = 2, **options: Any) -> list[list[dict[str, Any]]]:
    with open_table(io.BytesIO(body), media_type, chunk_rows=chunk_rows, **options) as table:
        return list(table)


def refuse(body: bytes, media_type: str, **options: Any) -> str:
    with pytest.raises((InvalidTable, TooLarge)) as refused:
        read(body, media_type, **options)
    return refused.value.detail


@pytest.mark.parametrize("media_type", [JSON_LINES, PARQUET, ARROW_STREAM])
def test_rows_come_in_chunks_whatever_the_format(media_type: str) -> None:
    assert read(write_table(ROWS, media_type), media_type) == [ROWS[:2], ROWS[2:]]


def test_cells_of_a_csv_stay_text_and_an_empty_one_is_null() -> None:
    body = b'city,visits\r\nOslo,1\r\n,2\r\n\r\n"Rome, ""IT""\nagain",3.0\r\n'
    assert read(body, CSV, chunk_rows=9) == [
        [
            {"city": "Oslo", "visits": "1"},
            {"city": None, "visits": "2"},
            {"city": 'Rome, "IT"\nagain', "visits": "3.0"},
        ]
    ]


@pytest.mark.parametrize("media_type", [CSV, JSON_LINES, PARQUET, ARROW_STREAM])
def test_rows_at_the_start_can_be_skipped(media_type: str) -> None:
    [[row]] = read(write_table(ROWS, media_type), media_type, skip_rows=2)
    assert row["city"] == "Rome, IT"


def test_a_file_is_closed_with_its_table_and_one_that_was_given_is_not(tmp_path: Path) -> None:
    path, given = tmp_path / "rows.csv", io.BytesIO(b"a\n1\n")
    path.write_bytes(b"a\n1\n")
    with open_table(path, CSV, chunk_rows=5) as table:
        assert list(table) == [[{"a": "1"}]]
    with open_table(given, CSV, chunk_rows=5) as table:
        assert list(table) == [[{"a": "1"}]]
    assert not given.closed


def test_a_parquet_file_tells_how_many_rows_it_has() -> None:
    with open_table(io.BytesIO(write_table(ROWS, PARQUET)), PARQUET, chunk_rows=1) as table:
        assert table.row_count == 3


def test_the_mark_of_excel_and_the_index_of_pandas_are_no_columns() -> None:
    assert read(b"\xef\xbb\xbf,a\n0,x\n1,y\n", CSV) == [[{"a": "x"}, {"a": "y"}]]
    assert read(b'\xef\xbb\xbf{"a":1}\n', JSON_LINES) == [[{"a": 1}]]


@pytest.mark.parametrize(
    ("body", "media_type", "said"),
    [
        (b"", CSV, "The table is empty"),
        (b"a,b\n1,2\n1,2,3\n", CSV, "Line 3 has 3 cells, the header 2."),
        (b'a,b\n1,"2\n', CSV, "Line 2 is not CSV"),
        (b'a,b\n1,"2"x\n', CSV, "Line 2 is not CSV"),
        (b"a,a\n1,2\n", CSV, 'The column "a" is there twice.'),
        (b"a\n1\n\xff\n", CSV, "The text is not UTF-8"),
        (b'{"a": 1}\n{"a": \n', JSON_LINES, "Line 2 is not JSON"),
        (b'{"a": 1}\n[1]\n', JSON_LINES, "Line 2 is not a JSON object."),
        (b'{"a": 1, "b": 2, "a": 3}\n', JSON_LINES, "Line 1 names a field twice."),
        (b'{"a": ' + b"[" * 990 + b'{"b":1}' + b"]" * 990 + b"}\n", JSON_LINES, "Line 1 nests too deeply."),
        (b"PAR1 and then nothing PAR1", PARQUET, "This is not a Parquet file"),
        (b"a,b\n1,2\n", ARROW_STREAM, "This is not a stream of Arrow"),
        (write_table(ROWS, PARQUET)[:-20], PARQUET, "This is not a Parquet file"),
        (write_table(ROWS, ARROW_STREAM)[:-150], ARROW_STREAM, "This is not a stream of Arrow"),
    ],
)
def test_what_is_wrong_with_a_table_is_named(body: bytes, media_type: str, said: str) -> None:
    assert refuse(body, media_type).startswith(said)


def test_colons_in_text_are_no_repeated_fields() -> None:
    assert read(b'{"a": "x: \\": y", "b": {"a": 1}}\n', JSON_LINES) == [[{"a": 'x: ": y', "b": {"a": 1}}]]


def test_chunks_before_a_fault_are_given_out() -> None:
    with open_table(io.BytesIO(b"a\n1\n2\n3,4\n"), CSV, chunk_rows=2) as table:
        chunks = iter(table)
        assert next(chunks) == [{"a": "1"}, {"a": "2"}]
        with pytest.raises(InvalidTable, match="Line 4"):
            next(chunks)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"a\n" + b"x" * 100 + b"\n", CSV),
        (b"a,b\n" + b'"x\n",' * 30 + b"\n", CSV),
        (b"a\n" + b'"' + b"x\n" * 60 + b'"\n', CSV),
        (b'{"a": "' + b"x" * 100 + b'"}\n', JSON_LINES),
    ],
)
def test_a_row_without_end_is_not_read_to_its_end(body: bytes, media_type: str) -> None:
    assert "is longer than" in refuse(body, media_type, limits=TableLimits(row_bytes=80))


@pytest.mark.parametrize("media_type", [CSV, PARQUET, ARROW_STREAM])
def test_a_table_may_have_so_many_columns(media_type: str) -> None:
    limits = TableLimits(columns=1)
    assert refuse(write_table(ROWS, media_type), media_type, limits=limits) == "The table has 2 columns; it may have 1."


def test_a_parquet_file_that_says_to_be_larger_than_may_be_read_is_not() -> None:
    body = write_table([{"a": "x" * 1000 + str(row)} for row in range(1000)], PARQUET)
    assert "it may take 0.5 MB" in refuse(body, PARQUET, limits=TableLimits(uncompressed_bytes=500_000))


def test_another_format_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType):
        open_table(io.BytesIO(b""), "text/html", chunk_rows=1)


def test_formats_are_found_by_media_type_and_by_the_name_of_a_file() -> None:
    assert [find_table_format(name) for name in ("Text/CSV", "application/jsonl", "text/html")] == [
        CSV,
        JSON_LINES,
        None,
    ]
    assert [find_format_of_file(name) for name in ("a.b.PQ", "rows.ndjson", "rows")] == [PARQUET, JSON_LINES, None]
