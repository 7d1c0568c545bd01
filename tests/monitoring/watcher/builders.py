"""Records as the prediction log has them, logs of them, and a disk without room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import orjson

from app.monitoring.watcher.file import WatcherFile

START = datetime(2026, 11, 24, 8, 0, tzinfo=timezone.utc)


def name_moment(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def make_record(seconds: float = 0.0, *, status: int = 200, rows: int = 1, **others: Any) -> dict[str, Any]:
    """What a request left that ended so many seconds after START."""
    record: dict[str, Any] = {
        "kind": "request",
        "at": name_moment(START + timedelta(seconds=seconds)),
        "request_id": "r-1",
        "route": "/predict",
        "status": status,
        "error": None,
        "key": "abcdefgh",
        "name": "churn",
        "version": "3",
        "role": "active",
        "execution": "plan",
        "rows": rows,
        "prediction_id": None,
        "ms": {"queue": 0.1, "validate": 0.2, "predict": 0.4, "total": 1.0},
        "warnings": {"unseen": 0, "out_of_range": 0, "unknown_field": 0},
    }
    if status >= 400:
        record |= {"version": None, "error": "invalid_rows", "rows": 0}
    return record | others


def append_records(log: Path, *records: dict[str, Any]) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        file.write(b"".join(orjson.dumps(record) + b"\n" for record in records))


@contextmanager
def fill_up(file: WatcherFile) -> Iterator[None]:
    """Let the file have no more room than it takes now."""
    pages = file.connection.execute("PRAGMA page_count").fetchone()[0]
    most = file.connection.execute("PRAGMA max_page_count").fetchone()[0]
    file.connection.execute(f"PRAGMA max_page_count = {pages}")
    yield
    file.connection.execute(f"PRAGMA max_page_count = {most}")
