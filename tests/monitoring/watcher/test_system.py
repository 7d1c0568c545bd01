from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from app.monitoring.watcher.system import SystemPart, WorkerSeen
from tests.monitoring.watcher.builders import START


@dataclass(frozen=True)
class Measured:
    cpu_percent: float
    memory_percent: float


WORKERS = (
    WorkerSeen(pid=1, host="a", version="3", ready=True, golden_ok=True, golden_at=1.5, rss_bytes=5),
    WorkerSeen(pid=2, host="a", version="3", ready=True, golden_ok=False),
    WorkerSeen(pid=3, host="b", version=None, ready=False),
)


def make_part(home: Path, *cpu_percents: float, workers: Sequence[WorkerSeen] = WORKERS) -> SystemPart:
    measured = iter(cpu_percents)
    return SystemPart(lambda: Measured(next(measured), 40.0), lambda: workers, home)


def test_figures_tell_of_the_machine_and_of_the_workers(tmp_path: Path) -> None:
    part = make_part(tmp_path, 30.0)
    assert part.figures(START) == []
    part.poll()
    free = 100 - psutil.disk_usage(str(tmp_path)).percent
    assert {figure.name: figure.value for figure in part.figures(START)} == {
        "cpu_percent": 30.0,
        "memory_percent": 40.0,
        "disk_free_percent": pytest.approx(free, abs=2),
        "workers_ready": 2,
        "stand_in_workers": 0,
        "golden_failed_workers": 1,
    }


def test_each_minute_is_told_when_it_is_over(tmp_path: Path) -> None:
    part = make_part(tmp_path, 10.0, 20.0, 60.0, 0.0)
    told = []
    for seconds in (10, 30, 61, 90):
        part.poll()
        told.append(part.snapshots(START + timedelta(seconds=seconds)))
    assert [len(snapshots) for snapshots in told] == [0, 0, 1, 0]
    (snapshot,) = told[2]
    assert (snapshot.window_start, snapshot.window_end) == (START, START + timedelta(minutes=1))
    assert snapshot.document["cpu_percent"] == 30.0
    assert snapshot.document["disk_free_bytes"] > 0
    assert snapshot.document["workers"][0] == {
        "pid": 1,
        "host": "a",
        "version": "3",
        "ready": True,
        "golden_ok": True,
        "golden_at": 1.5,
        "stands_in": False,
        "rss_bytes": 5,
    }


def test_what_could_not_be_looked_at_is_not_told_as_it_was(tmp_path: Path) -> None:
    part = make_part(tmp_path, 10.0)
    part.poll()
    with pytest.raises(StopIteration):
        part.poll()
    assert part.figures(START) == []
