"""Tables of the shop as bytes, and the release that answers them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow
import pyarrow.ipc
import pyarrow.parquet

from app.release.store import ReleaseStore
from app.runtime.rows import RowRules
from app.serving.formats.media_types import ARROW_STREAM, CSV, JSON_LINES, PARQUET
from app.serving.scoring.order import Progress, ReleaseChoice
from tests.manifests import TRUST


def choose(store: ReleaseStore, version: str = "1") -> ReleaseChoice:
    return ReleaseChoice(directory=store.directory(version), trust=TRUST, prefer="plan", rules=RowRules())


def write_table(rows: Sequence[dict[str, Any]], media_type: str) -> bytes:
    """Rows of plain JSON values in any format."""
    if media_type == CSV:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue().encode()
    if media_type == JSON_LINES:
        return b"".join(orjson.dumps(row) + b"\n" for row in rows)
    return write_arrow(pyarrow.Table.from_pylist(list(rows)), media_type)


def write_arrow(table: pyarrow.Table, media_type: str) -> bytes:
    assert media_type in (PARQUET, ARROW_STREAM)
    sink = io.BytesIO()
    if media_type == PARQUET:
        pyarrow.parquet.write_table(table, sink)  # type: ignore[no-untyped-call]
    else:
        with pyarrow.ipc.new_stream(sink, table.schema) as stream:  # type: ignore[no-untyped-call]
            stream.write_table(table)
    return sink.getvalue()


class NobodyLooks:
    """Takes progress, and keeps the last."""

    def __init__(self) -> None:
        self.last: Progress | None = None

    def show_progress(self, progress: Progress) -> None:
        self.last = progress
