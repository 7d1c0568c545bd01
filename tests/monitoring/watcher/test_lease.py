from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.database import create_tables, opened_database
from app.errors import Unavailable
from app.monitoring.watcher.lease import Lease, Owner, describe_this_process, read_start
from tests.postgres_server import PostgresServer
from tests.processes import run_at_once
from tests.server import wait_until

ELSEWHERE = Owner("another-machine", 1, 1)
PROCESSES = 4


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/gluonserve.db" if request.param == "sqlite" else postgres.make_database()
    with opened_database(url) as engine:
        create_tables(engine)
    return url


@pytest.fixture
def database(url: str) -> Iterator[Engine]:
    with opened_database(url) as engine:
        yield engine


def make_lease(engine: Engine, owner: Owner, *, monotonic: Callable[[], float] = lambda: 0.0) -> Lease:
    return Lease(engine, "watcher", owner=owner, seconds_to_live=10, monotonic=monotonic)


def take_and_stay(wait_for_all: Callable[[], int], url: str, results: Path) -> None:
    with opened_database(url) as engine:
        lease = make_lease(engine, describe_this_process())
        wait_for_all()
        held = [lease.hold() for _ in range(20)]
        assert set(held) in ({True}, {False})
        (results / str(describe_this_process().pid)).write_text(str(lease.is_held))
        wait_for_all()


def test_of_many_at_once_one_holds_it_all_the_time(url: str, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    run_at_once(PROCESSES, take_and_stay, url, results)
    assert sorted(path.read_text() for path in results.iterdir()) == ["False"] * (PROCESSES - 1) + ["True"]


def test_another_takes_over_when_it_was_not_renewed_for_its_time(database: Engine) -> None:
    now = [100.0]
    first, second = (
        make_lease(database, ELSEWHERE),
        make_lease(database, describe_this_process(), monotonic=lambda: now[0]),
    )
    assert (first.hold(), second.hold()) == (True, False)
    now[0] = 109.0
    assert (first.hold(), second.hold()) == (True, False)
    now[0] = 118.9
    assert second.hold() is False
    now[0] = 119.0
    assert (second.hold(), first.hold(), first.is_held) == (True, False, False)


def test_on_its_own_machine_a_holder_that_has_gone_is_replaced_at_once(database: Engine) -> None:
    here = describe_this_process()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = Owner(here.place, child.pid, read_start(child.pid) or 0)
    assert make_lease(database, holder).hold()
    waiting = make_lease(database, here)
    assert waiting.hold() is False
    child.kill()
    wait_until(waiting.hold, seconds=10)
    child.communicate()


def test_a_process_number_that_was_used_again_holds_nothing(database: Engine) -> None:
    here = describe_this_process()
    assert make_lease(database, dataclasses.replace(here, started=here.started - 60)).hold()
    assert make_lease(database, here).hold()


def test_who_releases_it_is_replaced_at_once(database: Engine) -> None:
    first, second = make_lease(database, ELSEWHERE), make_lease(database, describe_this_process())
    assert (first.hold(), second.hold()) == (True, False)
    first.release()
    assert (second.hold(), first.hold()) == (True, False)


def test_without_an_answer_of_the_database_the_holder_goes_on(postgres: PostgresServer) -> None:
    with opened_database(postgres.make_database()) as database:
        create_tables(database)
        holder, waiting = make_lease(database, ELSEWHERE), make_lease(database, describe_this_process())
        assert holder.hold()
        postgres.kill()
        try:
            assert holder.hold()
            with pytest.raises(Unavailable):
                waiting.hold()
            holder.release()
        finally:
            postgres.start()
        assert waiting.hold() is False
