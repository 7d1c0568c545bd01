"""Rows from files, as they are sent."""

from __future__ import annotations

import gzip
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow
import pyarrow.parquet
import pytest

from app.loadtest.refusals import LoadRefused
from app.loadtest.rows import read_rows


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path, **options: Any) -> list[Any]:
    return [orjson.loads(row) for row in read_rows(path, **options).rows]


def test_cells_of_a_csv_are_text_and_empty_ones_null(tmp_path: Path) -> None:
    path = write(
        tmp_path / "rows.csv", '\ufefftenure,contract,note\r\n1,"Month, to month",\r\n\r\n007,Two year,"a\nb"\r\n'
    )
    assert read(path) == [
        {"tenure": "1", "contract": "Month, to month", "note": None},
        {"tenure": "007", "contract": "Two year", "note": "a\nb"},
    ]


def test_a_compressed_csv_is_read_too(tmp_path: Path) -> None:
    assert read(write(tmp_path / "rows.csv.gz", gzip.compress(b"a\n1\n"))) == [{"a": "1"}]


def test_json_lines_are_sent_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", '{"a": 1.5, "b": null}\n\n{"a": true, "c": "\u043a"}\n')
    assert read(path) == [{"a": 1.5, "b": None}, {"a": True, "c": "\u043a"}]


def test_parquet_is_sent_in_what_json_has_words_for(tmp_path: Path) -> None:
    table = pyarrow.table(
        {
            "number": [1, None],
            "share": [0.5, float("nan")],
            "at": [datetime(2026, 11, 23, 4, 19, 3), None],  # noqa: DTZ001 - as a column without a time zone has it
            "price": [Decimal("1.10"), Decimal("2.00")],
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")  # type: ignore[no-untyped-call]
    assert read(tmp_path / "rows.parquet") == [
        {"number": 1, "share": 0.5, "at": "2026-11-23T04:19:03", "price": "1.10"},
        {"number": None, "share": None, "at": None, "price": "2.00"},
    ]


def test_only_columns_that_are_wanted_are_sent(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv", "a,b,label,id\n1,2,yes,77\n")
    assert read(path, without=["label"]) == [{"a": "1", "b": "2", "id": "77"}]
    found = read_rows(path, without=["label"], known={"a", "b", "label"})
    assert (found.rows, found.left_out, found.is_complete) == ((b'{"a":"1","b":"2"}',), ("label", "id"), True)


def test_a_file_of_more_rows_than_are_kept_says_so(tmp_path: Path) -> None:
    found = read_rows(write(tmp_path / "rows.csv", "a\n1\n2\n3\n"), most=2)
    assert (found.count, found.is_complete) == (2, False)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("rows.csv", b"", "no rows"),
        ("rows.csv", b"a,b\n", "no rows"),
        ("rows.csv", b"a,b\n1\n", "line 2 has 1 cells, the header 2"),
        ("rows.csv", b"a,a\n1,2\n", "the column a occurs more than once"),
        ("rows.csv", b"a\n\xff\n", "not UTF-8"),
        ("rows.csv.gz", b"a\n1\n", "not readable"),
        ("rows.jsonl", b'{"a": 1}\nnonsense\n', "line 2 is not JSON"),
        ("rows.jsonl", b"[1]\n", "line 1 is not a JSON object"),
        ("rows.parquet", b"PAR1", "not readable"),
        ("rows.xlsx", b"", r"must end in \.csv"),
        ("rows.csv", b"other\n1\n", "the model knows none of its columns"),
    ],
)
def test_a_file_that_cannot_be_sent_is_refused_in_a_sentence(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    with pytest.raises(LoadRefused, match=words):
        read_rows(write(tmp_path / name, content), known={"a", "b"})


def test_a_file_that_is_not_there_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LoadRefused, match="there is no such file"):
        read_rows(tmp_path / "rows.csv")
