from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.database import create_tables, opened_database
from app.errors import Conflict
from app.monitoring.snapshots import SnapshotStore
from app.monitoring.watcher.file import WatcherFile
from app.monitoring.watcher.handing_over import HandingOver
from app.monitoring.watcher.lease import Lease, Owner
from app.monitoring.watcher.watch import MOST_RECORDS, Makers, Watch
from app.monitoring.watcher.watcher import Pace, Watcher
from tests.monitoring.watcher.builders import START, append_records, make_record
from tests.monitoring.watcher.parts import CountingPart, KeepingJudge
from tests.server import wait_until

QUICK = Pace(between_looks=0.01, between_rounds=0.01, between_renewals=0.01)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    with opened_database(f"sqlite:///{tmp_path}/gluonserve.db") as engine:
        create_tables(engine)
        yield engine


class Running:
    """A watcher of the home, at work in a thread as long as a block lasts."""

    def __init__(self, home: Path, database: Engine, name: str, *, pace: Pace = QUICK) -> None:
        self.judge = KeepingJudge()
        self.lease = Lease(database, "watcher", owner=Owner(name, 1, 1), seconds_to_live=0.3)
        self._home, self._name = home, name
        self._stop = threading.Event()
        store = SnapshotStore(database)
        self.watcher = Watcher(self.lease, self._open_watch, HandingOver(store, clock=lambda: START), pace=pace)
        self._thread = threading.Thread(target=self.watcher.run, args=(self._stop,))

    def __enter__(self) -> Running:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _open_watch(self) -> Watch:
        file = WatcherFile(self._home / "watcher.db", owner=self._name)
        makers = Makers(parts={"counting": CountingPart}, judge=lambda _: self.judge)
        return Watch(file, self._home / "logs", makers, clock=lambda: START + timedelta(seconds=60))


def count_told(database: Engine) -> int:
    """How many records were counted, by the last snapshot."""
    told = SnapshotStore(database).latest("traffic")
    return 0 if told is None else int(told.document["records"])


def test_one_watches_a_second_stands_by_and_goes_on_from_there(tmp_path: Path, database: Engine) -> None:
    append_records(tmp_path / "logs" / "a.jsonl", make_record(), make_record())
    with Running(tmp_path, database, "first") as first:
        wait_until(lambda: count_told(database) == 2, seconds=10)
        with Running(tmp_path, database, "second") as second:
            append_records(tmp_path / "logs" / "a.jsonl", make_record())
            wait_until(lambda: count_told(database) == 3, seconds=10)
            assert (first.lease.is_held, second.lease.is_held, second.judge.rounds) == (True, False, 0)
            first.__exit__()
            append_records(tmp_path / "logs" / "a.jsonl", make_record())
            wait_until(lambda: count_told(database) == 4, seconds=10)
            assert second.lease.is_held


def test_whose_file_was_taken_stands_by_and_its_lease_is_free_at_its_end(tmp_path: Path, database: Engine) -> None:
    with Running(tmp_path, database, "first", pace=Pace(between_looks=0.01, between_renewals=600)) as first:
        wait_until(lambda: first.judge.rounds > 0, seconds=10)
        taken = WatcherFile(tmp_path / "watcher.db", owner="second")
        append_records(tmp_path / "logs" / "a.jsonl", make_record())
        wait_until(lambda: first.watcher._watch is None, seconds=10)
        assert taken.read_state("counting") == 0
        taken.close()
    assert Lease(database, "watcher", owner=Owner("third", 1, 1)).hold()


def test_figures_wait_until_the_log_was_read_but_not_for_ever(tmp_path: Path, database: Engine) -> None:
    append_records(tmp_path / "logs" / "a.jsonl", *[make_record()] * (3 * MOST_RECORDS))
    patient = Running(tmp_path, database, "first", pace=Pace(between_rounds=0, most_patience=600))
    patient.watcher._step()
    assert (patient.judge.rounds, count_told(database)) == (0, 0)
    assert SnapshotStore(database).latest("watcher") is not None
    for _ in range(2):
        patient.watcher._step()
    assert patient.judge.figures_seen["requests_per_minute"] == 3 * MOST_RECORDS
    patient.watcher._leave()
    append_records(tmp_path / "logs" / "a.jsonl", *[make_record()] * (3 * MOST_RECORDS))
    impatient = Running(tmp_path, database, "second", pace=Pace(between_rounds=0, most_patience=0))
    impatient.watcher._step()
    assert impatient.judge.figures_seen["requests_per_minute"] == 4 * MOST_RECORDS
    impatient.watcher._leave()


def test_once_reads_all_there_is_and_lets_go(tmp_path: Path, database: Engine) -> None:
    append_records(tmp_path / "logs" / "a.jsonl", *[make_record()] * (MOST_RECORDS + 5))
    assert Running(tmp_path, database, "first").watcher.run_once() == MOST_RECORDS + 5
    assert Running(tmp_path, database, "second").watcher.run_once() == 0
    assert count_told(database) == MOST_RECORDS + 5


def test_once_is_refused_while_another_watches(tmp_path: Path, database: Engine) -> None:
    other = Lease(database, "watcher", owner=Owner("other", 1, 1))
    assert other.hold()
    with pytest.raises(Conflict):
        Running(tmp_path, database, "first").watcher.run_once()
    assert other.hold()
