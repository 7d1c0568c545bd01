"""Workers as they tell of themselves, beside what the watcher measured of them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime

from app.monitoring.snapshots import SnapshotStore
from app.runtime.switching.workers import WorkerRecord, WorkerState
from config.settings import Settings
from tests.api.dashboard.builders import make_system, make_watcher
from tests.charts.page_reader import PageReader


def test_each_worker_tells_what_it_serves_and_whether_it_is_right(
    settings: Settings, snapshots: SnapshotStore, read_page: Callable[..., PageReader], now: datetime
) -> None:
    record = WorkerRecord(settings.model_path)
    host = socket.gethostname()
    record.open(WorkerState(pid=42, host=host, active="3", held=("3",), golden_ok=False, golden_at=now.timestamp()))
    snapshots.add(make_watcher(now), make_system(now, workers=[{"pid": 42, "host": host, "rss_bytes": 210_000_000}]))

    page = read_page()
    record.close()

    # This process is a worker too.
    rows = [[cell.strip() for cell in row] for row in page.tables["2 workers alive"]]
    assert next(row for row in rows if row[0].endswith(":42")) == [
        f"{host}:42",
        "3",
        "wrong",
        f"{now:%H:%M} UTC",
        "210 MB",
        "3",
    ]
    assert "1 golden row wrong" in page.words
