from __future__ import annotations

import io
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from app.errors import InvalidTable, TooLarge
from app.serving.formats.arrow.parquet_pages import measure_pages
from app.serving.formats.media_types import PARQUET
from app.serving.formats.tables import TableLimits, open_table

ROWS = 100_000


def write(rows: int = ROWS, **options: Any) -> bytes:
    sink = io.BytesIO()
    table = pyarrow.table({"zeros": [0] * rows, "names": [f"name {row}" for row in range(rows)]})
    pyarrow.parquet.write_table(table, sink, use_dictionary=False, **options)  # type: ignore[no-untyped-call]
    return sink.getvalue()


@pytest.mark.parametrize(
    "options", [{}, {"data_page_version": "2.0"}, {"data_page_size": 1000}, {"row_group_size": 999}]
)
@pytest.mark.parametrize("compression", ["zstd", "snappy", "none"])
def test_pages_tell_what_the_footer_of_an_honest_file_tells(options: dict[str, Any], compression: str) -> None:
    file = io.BytesIO(write(compression=compression, **options))
    footer = pyarrow.parquet.read_metadata(file)  # type: ignore[no-untyped-call]
    columns = [footer.row_group(group).column(at) for group in range(footer.num_row_groups) for at in (0, 1)]
    declared = sum(column.total_uncompressed_size for column in columns)
    # The footer counts heads as well.
    assert 0.9 * declared < measure_pages(file, footer) <= declared


class SilentFooter:
    """Tells where pages are, and nothing of what they become."""

    num_row_groups = num_columns = 1

    def __init__(self, start: int, size: int) -> None:
        self.data_page_offset = start
        self.total_compressed_size = size
        self.dictionary_page_offset = None

    def row_group(self, position: int) -> SilentFooter:  # noqa: ARG002
        return self

    def column(self, position: int) -> SilentFooter:  # noqa: ARG002
        return self


def test_a_file_is_measured_by_its_pages_whatever_its_footer_says() -> None:
    body = write(compression="zstd")
    column = pyarrow.parquet.read_metadata(io.BytesIO(body)).row_group(0).column(0)  # type: ignore[no-untyped-call]
    silent = SilentFooter(column.data_page_offset, column.total_compressed_size)
    assert len(body) < 8 * ROWS < measure_pages(io.BytesIO(body), silent)


@pytest.mark.parametrize("head", [b"", b"\x15", b"\x1c" * 100, b"\x15\x00\x19", b"\x00", b"\x15\xff"])
def test_what_is_no_head_is_refused(head: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        measure_pages(io.BytesIO(head), SilentFooter(0, 100))


@pytest.mark.parametrize("at", range(0, 40))
def test_damaged_heads_are_refused_or_read_and_nothing_else(at: int) -> None:
    body = bytearray(write(compression="zstd"))
    body[4 + at] ^= 0xFF
    try:
        with open_table(
            io.BytesIO(bytes(body)), PARQUET, chunk_rows=ROWS, limits=TableLimits(uncompressed_bytes=10_000_000)
        ) as table:
            list(table)
    except (InvalidTable, TooLarge):
        return


def test_very_many_pages_are_refused() -> None:
    body = write(26_000, compression="none", data_page_size=1, write_batch_size=1)
    with pytest.raises(InvalidTable):
        open_table(io.BytesIO(body), PARQUET, chunk_rows=10, limits=TableLimits(uncompressed_bytes=10**9))
