from __future__ import annotations

import datetime
import decimal
import io
from typing import Any

import pyarrow
import pytest

from app.errors import InvalidTable, TooLarge
from app.serving.formats.media_types import ARROW_STREAM, PARQUET
from app.serving.formats.tables import open_table
from tests.serving.formats.builders import write_arrow

MOMENT = datetime.datetime.fromisoformat("2026-11-23T04:19:03")
FORMATS = pytest.mark.parametrize("media_type", [PARQUET, ARROW_STREAM])


def read_column(values: Any, media_type: str) -> list[Any]:
    body = write_arrow(pyarrow.table({"a": values}), media_type)
    with open_table(io.BytesIO(body), media_type, chunk_rows=2) as table:
        return [row["a"] for chunk in table for row in chunk]


@FORMATS
@pytest.mark.parametrize(
    ("values", "read"),
    [
        (pyarrow.array([1, None, 2**63 - 1]), [1, None, 2**63 - 1]),
        (pyarrow.array([0.5, None, float("nan")]), [0.5, None, None]),
        (pyarrow.array([True, None]), [True, None]),
        (pyarrow.array(["x", None, "y", "x"]).dictionary_encode(), ["x", None, "y", "x"]),
        (pyarrow.array([b"x", "\u00e9".encode()]), ["x", "\u00e9"]),
        (pyarrow.array([decimal.Decimal("29.85"), None]), ["29.85", None]),
        (pyarrow.array([MOMENT.date()]), ["2026-11-23"]),
        (pyarrow.array([MOMENT, None], pyarrow.timestamp("ms")), ["2026-11-23T04:19:03", None]),
        (pyarrow.array([MOMENT], pyarrow.timestamp("us", "Europe/Berlin")), ["2026-11-23T04:19:03+00:00"]),
        (pyarrow.array([1], pyarrow.int64()).cast(pyarrow.timestamp("ns")), ["1970-01-01 00:00:00.000000001"]),
    ],
)
def test_values_become_those_of_json(values: Any, read: list[Any], media_type: str) -> None:
    assert read_column(values, media_type) == read


def test_views_of_text_are_read() -> None:
    assert read_column(pyarrow.array(["x" * 50, None, "y"], pyarrow.string_view()), ARROW_STREAM) == [
        "x" * 50,
        None,
        "y",
    ]


@FORMATS
def test_a_column_of_lists_is_named(media_type: str) -> None:
    with pytest.raises(InvalidTable, match='The column "a" holds something else'):
        read_column(pyarrow.array([[1], [2]]), media_type)


@FORMATS
def test_bytes_that_are_no_text_are_refused(media_type: str) -> None:
    with pytest.raises(InvalidTable, match="not UTF-8"):
        read_column(pyarrow.array([b"\xff"]), media_type)


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
@pytest.mark.parametrize("values", [[0] * 1000, pyarrow.array(["x", "y"] * 500).dictionary_encode()])
def test_compressed_parts_of_a_stream_are_refused_before_they_are_unpacked(values: Any, compression: str) -> None:
    body = write_arrow(pyarrow.table({"a": values}), ARROW_STREAM, compression=compression)
    with pytest.raises(InvalidTable, match="send them plain"):
        open_table(io.BytesIO(body), ARROW_STREAM, chunk_rows=10)


def test_a_text_that_a_million_rows_share_is_not_copied_for_each() -> None:
    words = read_column(pyarrow.array(["x" * 1_000_000] * 500), PARQUET)
    assert len({id(word) for word in words[:2]}) == 1


def test_views_that_show_one_long_text_again_and_again_are_not_followed() -> None:
    long = pyarrow.array(["x" * 1_000_000], pyarrow.string_view())
    views, text = long.buffers()[1].to_pybytes(), long.buffers()[2]
    repeated = pyarrow.Array.from_buffers(pyarrow.string_view(), 200, [None, pyarrow.py_buffer(views * 200), text])
    body = write_arrow(pyarrow.table({"a": repeated}), ARROW_STREAM)
    assert len(body) < 1_100_000
    with (
        open_table(io.BytesIO(body), ARROW_STREAM, chunk_rows=1000) as table,
        pytest.raises(TooLarge, match="too much text"),
    ):
        list(table)


def test_offsets_that_lead_out_of_their_buffer_are_not_followed() -> None:
    text = pyarrow.array(["abcd", "efgh"])
    offsets = bytearray(text.buffers()[1].to_pybytes())
    offsets[4:8] = (1_000_000).to_bytes(4, "little")
    broken = pyarrow.Array.from_buffers(
        pyarrow.string(), 2, [None, pyarrow.py_buffer(bytes(offsets)), text.buffers()[2]]
    )
    good = write_arrow(pyarrow.table({"a": text}), ARROW_STREAM)
    body = good.replace(text.buffers()[1].to_pybytes()[:12], broken.buffers()[1].to_pybytes()[:12])
    assert body != good
    with open_table(io.BytesIO(body), ARROW_STREAM, chunk_rows=2) as table, pytest.raises(InvalidTable):
        list(table)
