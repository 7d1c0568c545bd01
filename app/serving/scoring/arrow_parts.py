"""Where tables of Arrow's family are cut: anywhere, since they know their rows."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pyarrow
import pyarrow.ipc
import pyarrow.parquet

from app.errors import InvalidTable
from app.serving.scoring.text_parts import BYTES_OF_PART, Piece

_FAULTS = (pyarrow.ArrowException, OSError, ValueError, OverflowError)


def cut_parquet(source: BinaryIO, rows: int) -> Iterator[Piece]:
    with _naming_damage("Parquet file"):
        file = pyarrow.parquet.ParquetFile(source, pre_buffer=False)  # type: ignore[no-untyped-call]
        yield from _cut(file.iter_batches(batch_size=rows), rows)  # type: ignore[no-untyped-call]


def cut_arrow_stream(source: BinaryIO, rows: int) -> Iterator[Piece]:
    with _naming_damage("stream of Arrow"):
        yield from _cut(pyarrow.ipc.open_stream(source), rows)  # type: ignore[no-untyped-call]


def _cut(batches: Iterable[pyarrow.RecordBatch], rows: int) -> Iterator[Piece]:
    for batch in batches:
        step = max(1, min(rows, BYTES_OF_PART * batch.num_rows // max(batch.nbytes, 1)))
        for start in range(0, batch.num_rows, step):
            part = batch.slice(start, step)
            yield Piece(part.num_rows, _write_stream(part))


def _write_stream(batch: pyarrow.RecordBatch) -> bytes:
    sink = io.BytesIO()
    with pyarrow.ipc.new_stream(sink, batch.schema) as stream:  # type: ignore[no-untyped-call]
        stream.write_batch(batch)
    return sink.getvalue()


@contextmanager
def _naming_damage(kind: str) -> Iterator[None]:
    try:
        yield
    except _FAULTS:
        raise InvalidTable(f"This is not a {kind} that can be read.") from None
