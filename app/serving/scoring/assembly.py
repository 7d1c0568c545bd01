"""The results of parts, one after the other, as one file."""

from __future__ import annotations

import io
from functools import partial
from typing import Any, BinaryIO, Protocol

from app.serving.formats.media_types import ARROW_STREAM, PARQUET
from app.serving.formats.results import ResultLayout, open_result_writer


class Assembly(Protocol):
    """Takes the results of parts in their order."""

    def append(self, content: bytes) -> None: ...

    def close(self) -> None:
        """Write what ends the file. The sink stays open."""


def find_part_type(result_type: str) -> str:
    """The format of parts of such a result: no two files of Parquet can be joined as they are."""
    return ARROW_STREAM if result_type == PARQUET else result_type


def open_assembly(sink: BinaryIO, result_type: str, layout: ResultLayout) -> Assembly:
    nothing = io.BytesIO()
    open_result_writer(nothing, find_part_type(result_type), layout).close()
    if find_part_type(result_type) == ARROW_STREAM:
        return _ArrowAssembly(sink, result_type, nothing.getvalue())
    return _TextAssembly(sink, nothing.getvalue())


class _TextAssembly:
    """What all parts begin with is written once."""

    def __init__(self, sink: BinaryIO, head: bytes) -> None:
        self._sink = sink
        self._head = head
        sink.write(head)

    def append(self, content: bytes) -> None:
        self._sink.write(memoryview(content)[len(self._head) :])

    def close(self) -> None:
        """There is no end to be written."""


class _ArrowAssembly:
    def __init__(self, sink: BinaryIO, result_type: str, nothing: bytes) -> None:
        # 30 MB that a process which never writes such a result does without.
        import pyarrow.ipc
        import pyarrow.parquet

        self._read: Any = partial(pyarrow.ipc.open_stream)
        open_writer: Any = pyarrow.parquet.ParquetWriter if result_type == PARQUET else pyarrow.ipc.new_stream
        self._writer = open_writer(sink, self._read(io.BytesIO(nothing)).schema)

    def append(self, content: bytes) -> None:
        for batch in self._read(io.BytesIO(content)):
            self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()
