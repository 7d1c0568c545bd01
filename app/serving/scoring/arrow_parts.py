"""Where tables of Arrow's family are cut: anywhere, since they know their rows."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import pyarrow
import pyarrow.compute
import pyarrow.ipc

from app.serving.formats.arrow.tables import open_arrow_batches, open_parquet_batches
from app.serving.formats.tables import USUAL_LIMITS
from app.serving.scoring.text_parts import BYTES_OF_PART, Piece


def cut_parquet(source: BinaryIO, rows: int) -> Iterator[Piece]:
    batches, _ = open_parquet_batches(
        source, step=rows, most_columns=USUAL_LIMITS.columns, uncompressed_bytes=USUAL_LIMITS.uncompressed_bytes
    )
    return _cut(map(_spell_out, batches), rows)


def cut_arrow_stream(source: BinaryIO, rows: int) -> Iterator[Piece]:
    return _cut(open_arrow_batches(source, most_columns=USUAL_LIMITS.columns), rows)


def _cut(batches: Iterable[pyarrow.RecordBatch], rows: int) -> Iterator[Piece]:
    for batch in batches:
        step = max(1, min(rows, BYTES_OF_PART * batch.num_rows // max(batch.nbytes, 1)))
        for start in range(0, batch.num_rows, step):
            part = batch.slice(start, step)
            yield Piece(part.num_rows, _write_stream(part))


def _spell_out(batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    """Texts in place of dictionaries, each of which would go along with every part; but for long texts that repeat."""
    columns = [column.dictionary_decode() if _is_short(column) else column for column in batch.columns]
    return pyarrow.record_batch(columns, names=batch.schema.names)


def _is_short(column: Any) -> bool:
    if not pyarrow.types.is_dictionary(column.type):
        return False
    compute: Any = pyarrow.compute
    lengths = compute.binary_length(column.dictionary)
    return (compute.sum(lengths.take(column.indices)).as_py() or 0) <= BYTES_OF_PART


def _write_stream(batch: pyarrow.RecordBatch) -> bytes:
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, batch.schema) as stream:  # type: ignore[no-untyped-call]
        stream.write_batch(batch)
    return sink.getvalue()
