"""What the watcher sees of the machine and of the workers."""

from __future__ import annotations

import socket

import psutil

from app.monitoring.watcher.system import SystemPart, WorkerSeen
from app.runtime.switching.workers import list_live_workers
from config.settings import Settings
from config.usage import UsageMeter


def make_system_part(settings: Settings) -> SystemPart:
    return SystemPart(UsageMeter().measure, lambda: _list_workers(settings), settings.home)


def _list_workers(settings: Settings) -> list[WorkerSeen]:
    here = socket.gethostname()
    return [
        WorkerSeen(
            pid=worker.pid,
            host=worker.host,
            version=worker.active,
            ready=worker.active is not None,
            golden_ok=worker.golden_ok,
            golden_at=worker.golden_at,
            stands_in=worker.stands_in,
            rss_bytes=_measure_memory(worker.pid) if worker.host == here else None,
        )
        for worker in list_live_workers(settings.model_path).values()
    ]


def _measure_memory(pid: int) -> int | None:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:  # It has just ended.
        return None
