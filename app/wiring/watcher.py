"""What the watcher works with: here, and nowhere else, are all its parts."""

from __future__ import annotations

import socket

import psutil
from sqlalchemy import Engine

from app.monitoring.snapshots import SnapshotStore
from app.monitoring.watcher.file import WatcherFile
from app.monitoring.watcher.handing_over import HandingOver
from app.monitoring.watcher.lease import Lease, describe_this_process
from app.monitoring.watcher.system import SystemPart, WorkerSeen
from app.monitoring.watcher.traffic import TrafficPart
from app.monitoring.watcher.watch import Makers, Watch
from app.monitoring.watcher.watcher import Watcher
from app.runtime.switching.workers import list_live_workers
from app.wiring.alerts import make_alert_judge
from config.settings import Settings
from config.usage import UsageMeter

PREDICTIONS = "predictions"
_FILE = "watcher.db"
_LEASE = "watcher"
_LEASE_SECONDS = 30.0


def list_makers(settings: Settings, database: Engine) -> Makers:  # noqa: ARG001 - for parts to come
    """All parts in the order in which they take records, by names that their states are kept under, and the judge."""
    return Makers(
        parts={
            "traffic": TrafficPart,
            "system": lambda _: SystemPart(UsageMeter().measure, lambda: _list_workers(settings), settings.home),
        },
        judge=make_alert_judge(settings),
    )


def build_watcher(settings: Settings, database: Engine) -> Watcher:
    """Nothing is opened before the lease is held."""
    owner = describe_this_process()
    makers = list_makers(settings, database)

    def open_watch() -> Watch:
        file = WatcherFile(settings.home / _FILE, owner=owner.text)
        return Watch(file, settings.log_path / PREDICTIONS, makers)

    return Watcher(
        Lease(database, _LEASE, owner=owner, seconds_to_live=_LEASE_SECONDS),
        open_watch,
        HandingOver(SnapshotStore(database)),
    )


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
            rss_bytes=_measure_memory(worker.pid) if worker.host == here else None,
        )
        for worker in list_live_workers(settings.model_path).values()
    ]


def _measure_memory(pid: int) -> int | None:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:  # It has just ended.
        return None
