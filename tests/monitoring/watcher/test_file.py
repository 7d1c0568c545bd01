from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.monitoring.snapshots import Snapshot
from app.monitoring.watcher.file import FileUnusable, Replaced, WatcherFile
from tests.monitoring.watcher.builders import START, fill_up


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "watcher.db"


@pytest.fixture
def file(path: Path) -> Iterator[WatcherFile]:
    opened = WatcherFile(path, owner="first", most_waiting=5)
    yield opened
    opened.close()


def make_snapshot(number: int, *, identity: str | None = None) -> Snapshot:
    return Snapshot(
        kind="drift",
        version="3",
        window_start=START,
        window_end=START,
        document={"number": number, "psi": None},
        identity=identity,
    )


def put_to_wait(file: WatcherFile, *snapshots: Snapshot) -> None:
    with file.transaction():
        file.put_to_wait(snapshots)


def test_states_and_snapshots_change_together_or_not_at_all(file: WatcherFile) -> None:
    with file.transaction():
        file.write_states({"drift": {"rows": 1}})

    def change_and_fail() -> None:
        with file.transaction():
            file.write_states({"drift": {"rows": 2}})
            file.put_to_wait([make_snapshot(1)])
            raise LookupError

    with pytest.raises(LookupError):
        change_and_fail()
    assert (file.read_state("drift"), file.count_waiting()) == ({"rows": 1}, 0)
    assert file.read_state("unknown") is None


def test_what_was_kept_is_there_for_who_opens_it_next(file: WatcherFile, path: Path) -> None:
    first, second = make_snapshot(1, identity="drift:1"), make_snapshot(2, identity="drift:2")
    put_to_wait(file, first, second)
    file.close()
    again = WatcherFile(path, owner="second")
    assert list(again.list_waiting(10).values()) == [first, second]
    again.close()


def test_whoever_opened_it_last_works_with_it(file: WatcherFile, path: Path) -> None:
    second = WatcherFile(path, owner="second")
    with pytest.raises(Replaced), file.transaction():
        file.write_states({"drift": 1})
    with second.transaction():
        second.write_states({"drift": 2})
    assert file.read_state("drift") == 2
    second.close()


def test_of_snapshots_with_the_same_identity_the_last_waits(file: WatcherFile) -> None:
    put_to_wait(file, make_snapshot(1, identity="drift:1"), make_snapshot(2), make_snapshot(3))
    put_to_wait(file, make_snapshot(4, identity="drift:1"))
    waiting = file.list_waiting(10)
    assert [snapshot.document["number"] for snapshot in waiting.values()] == [2, 3, 4]
    assert len({snapshot.identity for snapshot in waiting.values()}) == 3


def test_what_was_handed_over_is_forgotten_but_nothing_that_took_its_place_meanwhile(file: WatcherFile) -> None:
    put_to_wait(file, make_snapshot(1, identity="drift:1"))
    handed_over = tuple(file.list_waiting(10))
    put_to_wait(file, make_snapshot(2, identity="drift:1"))
    with file.transaction():
        file.remove_waiting(handed_over)
    (left,) = file.list_waiting(10).values()
    assert left.document["number"] == 2


def test_of_too_many_that_wait_the_oldest_go(file: WatcherFile) -> None:
    for number in range(12):
        put_to_wait(file, make_snapshot(number))
    assert [snapshot.document["number"] for snapshot in file.list_waiting(10).values()] == [7, 8, 9, 10, 11]
    assert len(file.list_waiting(2)) == 2


def test_a_damaged_file_is_put_aside_and_a_new_one_begun(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"This is no database." * 1000)
    file = WatcherFile(path, owner="first")
    assert file.read_state("drift") is None
    (aside,) = path.parent.glob("watcher.db.damaged-*")
    assert aside.read_bytes().startswith(b"This is no database.")
    file.close()


def test_a_full_disk_undoes_all_of_it_and_once_there_is_room_it_goes_on(file: WatcherFile) -> None:
    with file.transaction():
        file.write_states({"drift": "small"})
    with fill_up(file):
        with pytest.raises(FileUnusable, match="full"), file.transaction():
            file.write_states({"drift": "large" * 100_000})
        assert file.read_state("drift") == "small"
    with file.transaction():
        file.write_states({"drift": "large" * 100_000})


def test_a_wrong_statement_is_no_fault_of_the_disk(file: WatcherFile) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"), file.transaction() as connection:
        connection.execute("SELECT * FROM missing")


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("not a directory")
    with pytest.raises(FileUnusable, match="cannot be used"):
        WatcherFile(tmp_path / "home" / "watcher.db", owner="first")
