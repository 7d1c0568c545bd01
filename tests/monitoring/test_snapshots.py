from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.database import create_tables, opened_database
from app.errors import Unavailable
from app.monitoring.snapshots import Snapshot, SnapshotStore
from tests.postgres_server import PostgresServer

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path}/gluonserve.db" if request.param == "sqlite" else postgres.make_database()
    with opened_database(url) as engine:
        create_tables(engine)
        yield engine


def make_traffic(minute: int, requests: int, *, version: str | None = None, identity: str | None = None) -> Snapshot:
    start = NOW + minute * MINUTE
    document = {"requests": requests, "by_status": {"200": requests}}
    return Snapshot(
        kind="traffic",
        version=version,
        window_start=start,
        window_end=start + MINUTE,
        document=document,
        identity=identity,
    )


def test_snapshots_are_listed_whole_the_one_that_ended_last_first(database: Engine) -> None:
    store = SnapshotStore(database, clock=lambda: NOW)
    store.add(make_traffic(1, 7, version="3"), make_traffic(0, 5))
    listed = store.list("traffic")
    assert listed == (make_traffic(1, 7, version="3"), make_traffic(0, 5))
    assert [snapshot.created_at for snapshot in listed] == [NOW, NOW]


def test_snapshots_are_found_by_kind_version_and_time(database: Engine) -> None:
    store = SnapshotStore(database)
    store.add(*(make_traffic(minute, minute, version=str(minute % 2)) for minute in range(6)))
    assert store.latest("drift") is None
    assert store.latest("traffic", version="0") == make_traffic(4, 4, version="0")
    assert store.list("traffic", since=NOW + 5 * MINUTE, most=2) == (
        make_traffic(5, 5, version="1"),
        make_traffic(4, 4, version="0"),
    )


def test_a_snapshot_takes_the_place_of_the_one_with_its_identity(database: Engine) -> None:
    store = SnapshotStore(database)
    store.add(make_traffic(0, 5, identity="traffic:0"), make_traffic(1, 1))
    store.add(make_traffic(0, 9, identity="traffic:0"))
    assert [snapshot.document["requests"] for snapshot in store.list("traffic")] == [1, 9]


def test_old_snapshots_are_removed(database: Engine) -> None:
    store = SnapshotStore(database)
    store.add(*(make_traffic(minute, minute) for minute in range(4)))
    assert store.prune(NOW + 2 * MINUTE, kinds=["drift"]) == 0
    assert store.prune(NOW + 2 * MINUTE) == 1
    assert [snapshot.document["requests"] for snapshot in store.list("traffic")] == [3, 2, 1]


def test_a_database_without_an_answer_is_told_as_such(tmp_path: Path) -> None:
    with opened_database(f"sqlite:///{tmp_path}/without-tables.db") as engine:
        store = SnapshotStore(engine)
        for call in (lambda: store.add(make_traffic(0, 1)), lambda: store.latest("traffic"), lambda: store.prune(NOW)):
            with pytest.raises(Unavailable, match="What the watcher found cannot be"):
                call()
