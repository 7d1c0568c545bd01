"""Predictions as a Parquet file or an Arrow stream: one part for each time that some are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

import pyarrow
import pyarrow.ipc
import pyarrow.parquet

from app.runtime.predictions import Numbers, PredictedColumns
from app.serving.formats.results import ResultLayout

_TYPES = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}


class ArrowResultWriter:
    def __init__(self, sink: BinaryIO, layout: ResultLayout, *, as_parquet: bool) -> None:
        self._layout = layout
        kinds = zip(layout.names, layout.kinds, strict=True)
        self._schema = pyarrow.schema([(name, _TYPES[kind]) for name, kind in kinds])
        self._writer = (
            pyarrow.parquet.ParquetWriter(sink, self._schema)  # type: ignore[no-untyped-call]
            if as_parquet
            else pyarrow.ipc.new_stream(sink, self._schema)  # type: ignore[no-untyped-call]
        )

    def write(
        self, labels: Sequence[Any], probabilities: Sequence[dict[str, float]] | None, ids: Sequence[str] = ()
    ) -> None:
        self._write_batch(self._layout.list_columns(labels, probabilities, ids))

    def write_columns(self, predicted: PredictedColumns, ids: Sequence[str] = ()) -> None:
        self._write_batch(self._layout.arrange_columns(predicted, ids))

    def close(self) -> None:
        self._writer.close()

    def _write_batch(self, columns: Sequence[Sequence[Any] | Numbers]) -> None:
        typed = [pyarrow.array(values, type=field.type) for values, field in zip(columns, self._schema, strict=True)]
        self._writer.write_batch(pyarrow.record_batch(typed, schema=self._schema))
