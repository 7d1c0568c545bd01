from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from app.database import create_tables, opened_database
from app.monitoring.snapshots import Snapshot, SnapshotStore
from app.monitoring.watcher.file import WatcherFile
from app.monitoring.watcher.handing_over import KEPT, HandingOver
from tests.monitoring.watcher.builders import START


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    """Without tables it answers nothing that is asked."""
    with opened_database(f"sqlite:///{tmp_path}/gluonserve.db") as engine:
        yield engine


@pytest.fixture
def file(tmp_path: Path) -> Iterator[WatcherFile]:
    opened = WatcherFile(tmp_path / "watcher.db", owner="first")
    yield opened
    opened.close()


def make_snapshot(kind: Any, number: int, at: datetime = START) -> Snapshot:
    return Snapshot(kind=kind, window_start=at, window_end=at, document={"n": number}, identity=f"{kind}:{number}")


def put_to_wait(file: WatcherFile, *snapshots: Snapshot) -> None:
    with file.transaction():
        file.put_to_wait(snapshots)


def test_snapshots_wait_while_the_database_does_not_answer_and_come_in_order_when_it_does(
    database: Engine, file: WatcherFile, caplog: pytest.LogCaptureFixture
) -> None:
    handing_over, store = HandingOver(SnapshotStore(database), clock=lambda: START), SnapshotStore(database)
    sign = make_snapshot("watcher", 0)
    put_to_wait(file, *(make_snapshot("drift", number) for number in range(250)))
    handing_over.hand_over(file, sign)
    handing_over.hand_over(file, sign)
    assert (file.count_waiting(), len(caplog.records)) == (250, 1)
    create_tables(database)
    handing_over.hand_over(file, sign)
    assert file.count_waiting() == 0
    assert [told.document["n"] for told in store.list("drift")] == list(range(249, -1, -1))
    assert store.latest("watcher") == sign


def test_to_hand_over_twice_changes_nothing(database: Engine, file: WatcherFile) -> None:
    create_tables(database)
    for _ in range(2):  # Killed before it could forget the first time.
        put_to_wait(file, make_snapshot("drift", 1))
        HandingOver(SnapshotStore(database), clock=lambda: START).hand_over(file, make_snapshot("watcher", 0))
    assert len(SnapshotStore(database).list("drift")) == 1


def test_one_that_the_database_refuses_does_not_hold_up_the_others(database: Engine, file: WatcherFile) -> None:
    create_tables(database)
    handing_over = HandingOver(SnapshotStore(database), clock=lambda: START)
    put_to_wait(file, make_snapshot("drift", 1), make_snapshot(None, 2), make_snapshot("drift", 3))
    handing_over.hand_over(file, make_snapshot("watcher", 0))
    assert [told.document["n"] for told in SnapshotStore(database).list("drift")] == [3, 1]
    assert (file.count_waiting(), handing_over.refused) == (0, 1)


def test_what_is_kept_no_longer_is_removed_now_and_then(database: Engine, file: WatcherFile) -> None:
    create_tables(database)
    now, store = [START], SnapshotStore(database)
    handing_over = HandingOver(store, clock=lambda: now[0])
    for kind, kept in KEPT.items():
        store.add(make_snapshot(kind, 1, START - kept), make_snapshot(kind, 2, START - kept - timedelta(seconds=1)))
    sign = make_snapshot("watcher", 0)
    handing_over.hand_over(file, sign)
    assert {kind: len(store.list(kind)) for kind in KEPT} == {kind: 1 + (kind == "watcher") for kind in KEPT}
    now[0] += timedelta(minutes=59)
    handing_over.hand_over(file, sign)
    assert len(store.list("drift")) == 1
    now[0] += timedelta(minutes=1)
    handing_over.hand_over(file, sign)
    assert len(store.list("drift")) == 0


def test_a_clock_that_was_set_back_does_not_keep_old_ones_for_hours(database: Engine, file: WatcherFile) -> None:
    create_tables(database)
    now, store = [START], SnapshotStore(database)
    handing_over = HandingOver(store, clock=lambda: now[0])
    handing_over.hand_over(file, make_snapshot("watcher", 0))
    now[0] -= timedelta(hours=5)
    store.add(make_snapshot("drift", 1, now[0] - KEPT["drift"] - timedelta(seconds=1)))
    handing_over.hand_over(file, make_snapshot("watcher", 0))
    assert len(store.list("drift")) == 0
