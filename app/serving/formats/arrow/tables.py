"""Tables of Apache Arrow's family, part by part: Parquet files and Arrow streams. Both may come from anybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import repeat
from typing import Any, BinaryIO

import pyarrow
import pyarrow.ipc
import pyarrow.lib
import pyarrow.parquet

from app.errors import InvalidTable, TooLarge
from app.serving.formats.arrow.messages import is_compressed
from app.serving.formats.arrow.parquet_pages import measure_pages
from app.serving.formats.arrow.values import is_text, list_values
from app.serving.formats.text_tables import check_columns

Row = dict[str, Any]

_FAULTS = (pyarrow.ArrowException, OSError, ValueError, OverflowError)


def open_parquet(
    file: BinaryIO, *, step: int, most_columns: int, uncompressed_bytes: int | None
) -> tuple[Iterator[Row], int]:
    """The rows of a Parquet file, `step` at a time, and how many there are."""
    batches, count = open_parquet_batches(
        file, step=step, most_columns=most_columns, uncompressed_bytes=uncompressed_bytes
    )
    return _read_parts(batches, step), count


def open_parquet_batches(
    file: BinaryIO, *, step: int, most_columns: int, uncompressed_bytes: int | None
) -> tuple[Iterator[pyarrow.RecordBatch], int]:
    """The same as columns; those of text are dictionaries."""
    with _naming_damage("Parquet file"):
        footer = pyarrow.parquet.read_metadata(file)  # type: ignore[no-untyped-call]
        schema = footer.schema.to_arrow_schema()
    check_columns(schema.names, most_columns)
    if uncompressed_bytes is not None:
        _check_size(file, footer, uncompressed_bytes)
    # A text that is written once for a million rows is then in memory once as well.
    shared = [field.name for field in schema if is_text(field.type)]
    return _iterate_parquet(file, shared, step), footer.num_rows


def _check_size(file: BinaryIO, footer: Any, most_bytes: int) -> None:
    with _naming_damage("Parquet file"):
        unpacked = measure_pages(file, footer)
    if unpacked > most_bytes:
        raise TooLarge(f"The table takes {unpacked / 1e6:.0f} MB when read; it may take {most_bytes / 1e6:g} MB.")


def _iterate_parquet(file: BinaryIO, shared: list[str], step: int) -> Iterator[pyarrow.RecordBatch]:
    with _naming_damage("Parquet file"):
        opened = pyarrow.parquet.ParquetFile(file, read_dictionary=shared, pre_buffer=False)  # type: ignore[no-untyped-call]
        yield from opened.iter_batches(batch_size=step)  # type: ignore[no-untyped-call]


def open_arrow_stream(file: BinaryIO, *, step: int, most_columns: int) -> Iterator[Row]:
    """The rows of an Arrow stream. Compressed parts in it are refused: a few bytes of them could become gigabytes."""
    return _read_parts(open_arrow_batches(file, most_columns=most_columns), step)


def open_arrow_batches(file: BinaryIO, *, most_columns: int) -> Iterator[pyarrow.RecordBatch]:
    """The same as columns, as the stream has them."""
    start = file.tell()
    with _naming_damage("stream of Arrow"):
        for message in pyarrow.lib.MessageReader.open_stream(file):
            if is_compressed(message):
                raise InvalidTable("The stream of Arrow has compressed parts: send them plain.")
        file.seek(start)
        reader = pyarrow.ipc.open_stream(file)  # type: ignore[no-untyped-call]
    check_columns(reader.schema.names, most_columns)
    return _iterate_stream(reader)


def _iterate_stream(reader: pyarrow.RecordBatchStreamReader) -> Iterator[pyarrow.RecordBatch]:
    with _naming_damage("stream of Arrow"):
        for batch in reader:
            # Offsets that lead out of their buffers would be followed.
            batch.validate(full=True)
            yield batch


def _read_parts(batches: Iterable[pyarrow.RecordBatch], step: int) -> Iterator[Row]:
    for batch in batches:
        for start in range(0, batch.num_rows, step):
            yield from _list_rows(batch.slice(start, step))


def _list_rows(part: pyarrow.RecordBatch) -> Iterator[Row]:
    names = part.schema.names
    columns = [list_values(column, name) for name, column in zip(names, part.columns, strict=True)]
    return map(dict, map(zip, repeat(names), zip(*columns, strict=True)))


@contextmanager
def _naming_damage(kind: str) -> Iterator[None]:
    """What Arrow says of a damaged file may quote it, and names places in its own source."""
    try:
        yield
    except _FAULTS as fault:
        raise InvalidTable(
            f"This is not a {kind} that can be read: it is damaged, cut off or of another kind."
        ) from fault
