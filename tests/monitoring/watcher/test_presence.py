from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from app.database import create_tables, opened_database
from app.monitoring.snapshots import Snapshot, SnapshotStore
from app.monitoring.watcher.presence import Presence, WatcherPresence
from tests.monitoring.watcher.builders import START
from tests.server import wait_until


def look(presence: WatcherPresence) -> Presence:
    """On a busy machine the first look takes longer than those who ask are made to wait."""
    wait_until(lambda: presence.look().status != "unknown", seconds=10)
    return presence.look()


@pytest.mark.parametrize(("seconds", "status"), [(0, "watching"), (60, "watching"), (61, "silent")])
def test_a_watcher_is_silent_when_it_gave_no_sign_for_a_minute(
    tmp_path: Path, seconds: int, status: Literal["watching", "silent"]
) -> None:
    with opened_database(f"sqlite:///{tmp_path}/gluonserve.db") as database:
        create_tables(database)
        store = SnapshotStore(database)
        store.add(Snapshot(kind="watcher", window_start=START, window_end=START, document={}, identity="watcher"))
        presence = WatcherPresence(store, clock=lambda: START + timedelta(seconds=seconds))
        assert look(presence) == Presence(status, START)


def test_where_nobody_ever_watched_it_is_silent_and_without_a_database_nobody_knows(tmp_path: Path) -> None:
    with opened_database(f"sqlite:///{tmp_path}/gluonserve.db") as database:
        assert WatcherPresence(SnapshotStore(database)).look() == Presence("unknown")
        create_tables(database)
        assert look(WatcherPresence(SnapshotStore(database))) == Presence("silent")
