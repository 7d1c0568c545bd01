"""What the watcher works with: here, and nowhere else, are all its parts."""

from __future__ import annotations

from sqlalchemy import Engine

from app.monitoring.snapshots import SnapshotStore
from app.monitoring.watcher.file import WatcherFile
from app.monitoring.watcher.handing_over import HandingOver
from app.monitoring.watcher.lease import Lease, describe_this_process
from app.monitoring.watcher.traffic import TrafficPart
from app.monitoring.watcher.watch import Makers, Watch
from app.monitoring.watcher.watcher import Pace, Watcher
from app.wiring.alerts import make_alert_judge
from app.wiring.drift import make_drift_part
from app.wiring.prediction_log import find_prediction_log
from app.wiring.quality import make_quality_part
from app.wiring.store.opening import open_store
from app.wiring.system import make_system_part
from config.settings import Settings

_FILE = "watcher.db"
_LEASE = "watcher"
_LEASE_SECONDS = 30.0


def list_makers(settings: Settings, database: Engine) -> Makers:
    """All parts in the order in which they take records, by names that their states are kept under, and the judge."""
    return Makers(
        parts={
            "traffic": TrafficPart,
            "drift": make_drift_part(settings, open_store(settings)),
            "system": lambda _: make_system_part(settings),
            "quality": make_quality_part(settings, open_store(settings), database),
        },
        judge=make_alert_judge(settings, database),
    )


def build_watcher(settings: Settings, database: Engine, *, pace: Pace | None = None) -> Watcher:
    """Nothing is opened before the lease is held."""
    owner = describe_this_process()
    makers = list_makers(settings, database)

    def open_watch() -> Watch:
        file = WatcherFile(settings.home / _FILE, owner=owner.text)
        return Watch(file, find_prediction_log(settings), makers)

    return Watcher(
        Lease(database, _LEASE, owner=owner, seconds_to_live=_LEASE_SECONDS),
        open_watch,
        HandingOver(SnapshotStore(database)),
        pace=pace,
    )
