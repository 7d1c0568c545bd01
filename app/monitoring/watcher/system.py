"""The machine or container that the watcher runs on, and the workers of the installation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Protocol

import psutil

from app.monitoring.figures import Figure
from app.monitoring.snapshots import Snapshot
from app.monitoring.watcher.parts import Record


class Usage(Protocol):
    """What is in use of what may be used."""

    @property
    def cpu_percent(self) -> float: ...

    @property
    def memory_percent(self) -> float: ...


@dataclass(frozen=True, kw_only=True)
class WorkerSeen:
    """A living worker.

    Attributes:
        version: That it answers with; None when it has none, and is not ready.
        golden_ok: Whether its last golden row came out right; None as long as there was none.
        golden_at: When that was, in seconds since 1970.
        stands_in: Whether that is another one than the active version, which it cannot load.
        rss_bytes: Its memory, with what it shares; None on another machine.
    """

    pid: int
    host: str
    version: str | None
    ready: bool
    golden_ok: bool | None = None
    golden_at: float | None = None
    stands_in: bool = False
    rss_bytes: int | None = None


@dataclass(frozen=True)
class _Look:
    usage: Usage
    disk_free_percent: float
    disk_free_bytes: int
    workers: Sequence[WorkerSeen]


class SystemPart:
    """Looks in each round, and tells each minute: the processor's mean, of all else what was seen last.

    Args:
        measure_usage: Measures since its last call.
        home: Whose disk must not be full.
    """

    name = "system"

    def __init__(
        self, measure_usage: Callable[[], Usage], list_workers: Callable[[], Sequence[WorkerSeen]], home: Path
    ) -> None:
        self._measure_usage = measure_usage
        self._list_workers = list_workers
        self._home = home
        self._last: _Look | None = None
        self._cpu_percents: list[float] = []
        self._minute: datetime | None = None

    def consume(self, record: Record) -> None: ...

    def poll(self) -> None:
        # Looked at before all else that can fail, and forgotten first: nothing old is told as if it held now.
        self._last = None
        usage, disk = self._measure_usage(), psutil.disk_usage(str(self._home))
        self._last = _Look(usage, round(100 - disk.percent, 1), disk.free, self._list_workers())
        self._cpu_percents.append(usage.cpu_percent)

    def figures(self, now: datetime) -> Sequence[Figure]:
        if self._last is None:
            return []
        workers = self._last.workers
        values = {
            "cpu_percent": self._last.usage.cpu_percent,
            "memory_percent": self._last.usage.memory_percent,
            "disk_free_percent": self._last.disk_free_percent,
            "workers_ready": sum(worker.ready for worker in workers),
            "stand_in_workers": sum(worker.stands_in for worker in workers),
            "golden_failed_workers": sum(worker.golden_ok is False for worker in workers),
        }
        return [Figure(name, value, now) for name, value in values.items()]

    def snapshots(self, now: datetime) -> Sequence[Snapshot]:
        minute = now.replace(second=0, microsecond=0)
        begun, self._minute = self._minute or minute, minute
        if begun == minute or self._last is None:
            return []
        percents, self._cpu_percents = self._cpu_percents, []
        document = {
            "cpu_percent": round(fmean(percents), 1),
            "memory_percent": self._last.usage.memory_percent,
            "disk_free_percent": self._last.disk_free_percent,
            "disk_free_bytes": self._last.disk_free_bytes,
            "workers": [asdict(worker) for worker in self._last.workers],
        }
        identity = f"system:{begun.isoformat()[:16]}"
        return [Snapshot(kind="system", window_start=begun, window_end=minute, document=document, identity=identity)]

    def to_state(self) -> None:
        return None
