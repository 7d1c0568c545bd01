"""Tables as columns hold the rows of the table, or nothing is said of them."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import chain
from typing import Any

import orjson
import pyarrow
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.errors import ServiceError
from app.serving.formats.columns import read_columns
from app.serving.formats.media_types import ARROW_STREAM, CSV, JSON_LINES
from app.serving.formats.tables import open_table
from tests.serving.formats.builders import write_arrow


def read_by_rows(content: bytes, media_type: str) -> list[dict[str, Any]] | None:
    try:
        with open_table(io.BytesIO(content), media_type, chunk_rows=1000) as table:
            return list(chain.from_iterable(table))
    except ServiceError:
        return None


def read_by_columns(header: bytes, body: bytes, media_type: str) -> list[dict[str, Any]] | None:
    try:
        columns = read_columns(header, body, media_type)
    except ServiceError:
        return None
    if columns is None:
        return None
    spread = [column.spread() for column in columns.values()]
    return [dict(zip(columns, values, strict=True)) for values in zip(*spread, strict=True)]


CELLS = st.text(st.sampled_from('ab"\n\r,ü \0\ufeff1'), max_size=4)
LINES = st.lists(st.lists(CELLS, min_size=1, max_size=3).map(",".join), max_size=6)


@given(LINES, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["a", "a,b", "b,,a", '"a\n",b', "a,a", ""]))
@example(["1,2", "", "3,4"], "\r\n", "a,b")
@example(["1,2", "3"], "\n", "a,b")
@example(["\ufeff1,2"], "\n", "a,b")
@example(["NULL,", "nan,None", "true,1e5", "007, x "], "\n", "a,b")
def test_any_text_comes_out_as_row_by_row_or_not_at_all(lines: list[str], end: str, names: str) -> None:
    header, body = f"{names}{end}".encode(), "".join(line + end for line in lines).encode()
    found = read_by_columns(header, body, CSV)
    if found:
        assert repr(found) == repr(read_by_rows(header + body, CSV))


@pytest.mark.parametrize("body", [b"1,x\n2,\n", b"1,x\r\n2,\r\n", b'"1","x"\n2,\n', b"1,x\n\n2,"])
def test_usual_text_is_read_by_its_columns(body: bytes) -> None:
    expected = [{"visits": "1", "city": "x"}, {"visits": "2", "city": None}]
    assert read_by_columns(b"visits,city\n", body, CSV) == expected


@pytest.mark.parametrize("body", [b"1,\xff\n", b"1,\xed\xa0\x80\n", b"1\n", b"1,2,3\n", b'1,"2\n'])
def test_damaged_text_is_left_to_who_reads_rows(body: bytes) -> None:
    assert read_by_columns(b"visits,city\n", body, CSV) is None
    assert read_by_rows(b"visits,city\n" + body, CSV) is None


JSON = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=2) | st.just([1])


@given(st.lists(st.dictionaries(st.sampled_from("abc"), JSON, max_size=3), min_size=1, max_size=5))
@example([{"a": 1}, {"a": True}, {"a": 1.0}, {"a": -0.0}, {"a": 0.0}])
def test_any_objects_come_out_as_row_by_row_or_not_at_all(rows: list[dict[str, Any]]) -> None:
    content = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    found = read_by_columns(b"", content, JSON_LINES)
    if found:
        assert [sorted(map(repr, row.items())) for row in found] == [
            sorted(map(repr, row.items())) for row in read_by_rows(content, JSON_LINES) or ()
        ]


MOMENT = datetime(2024, 5, 1, 10, 20, 30, 123456, tzinfo=timezone.utc)
ARRAYS = {
    "floats": pyarrow.array([0.0, -0.0, float("nan"), None, 1.5, 1.5]),
    "singles": pyarrow.array([0.1, -0.0, 0.0, None, float("nan"), 0.1], pyarrow.float32()),
    "halves": pyarrow.array([0.5, -0.0, 0.0, None, 0.5, 1.0], pyarrow.float16()),
    "integers": pyarrow.array([1, None, 1, 2, 2**62, -1]),
    "unsigned": pyarrow.array([0, 2**64 - 1, None, 0, 1, 1], pyarrow.uint64()),
    "booleans": pyarrow.array([True, None, False, True, True, None]),
    "nulls": pyarrow.nulls(6),
    "texts": pyarrow.array(["a", "", None, "a", "ü", " "]),
    "large": pyarrow.array(["a", "", None, "a", "ü", " "], pyarrow.large_string()),
    "bytes": pyarrow.array([b"a", b"", None, b"a", b"b", b" "]),
    "views": pyarrow.array(["a", "", None, "a", "ü", " "], pyarrow.string_view()),
    "shared": pyarrow.array(["a", "b", None, "a", "b", "b"]).dictionary_encode(),
    "shared numbers": pyarrow.array([0.5, None, 0.5, 1.0, 1.0, 2.0]).dictionary_encode(),
    "twice": pyarrow.DictionaryArray.from_arrays([0, 1, 2, None, 3, 0], ["a", "a", None, "b"]),
    "days": pyarrow.array([date(2024, 5, 1), None, date(2024, 5, 1), date(1, 1, 1), None, date(2024, 5, 2)]),
    "moments": pyarrow.array([MOMENT, None, MOMENT, MOMENT + timedelta(1), None, MOMENT]),
    "finer": pyarrow.array([1, None, 1, 2, 3, 10**18 + 1], pyarrow.timestamp("ns")),
    "decimals": pyarrow.array([Decimal("1.10"), None, Decimal("1.10"), Decimal("2.00"), None, Decimal("0.00")]),
    "lists": pyarrow.array([[1], None, [1], [], [2], [3]]),
    "no text": pyarrow.array([b"a", b"\xff", None, b"a", b"b", b" "]),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("start", [0, 2])
def test_columns_of_arrow_come_out_as_row_by_row_or_not_at_all(name: str, start: int) -> None:
    table = pyarrow.table({"place": list(range(6)), name: ARRAYS[name]}).slice(start)
    content = write_arrow(table, ARROW_STREAM)
    assert repr(read_by_columns(b"", content, ARROW_STREAM)) == repr(read_by_rows(content, ARROW_STREAM))


def test_a_stream_of_several_batches_is_left_to_who_reads_rows() -> None:
    batches = [pyarrow.record_batch({"a": [number]}) for number in range(2)]
    content = write_arrow(pyarrow.Table.from_batches(batches), ARROW_STREAM)
    assert read_columns(b"", content, ARROW_STREAM) is None
