"""When keys were last used: kept at most once a minute, and never at the cost of a request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, event

from app.database import opened_database
from app.security.keys.last_use import MOST_WAITING, LastUses
from app.security.keys.store import KeyStore
from tests.security.builders import PEPPER, Clock, make_key


@contextmanager
def recording(store: KeyStore, clock: Clock) -> Iterator[LastUses]:
    """Last uses that are all written when the block ends."""
    uses = LastUses(store, clock=clock)
    uses.start()
    try:
        yield uses
    finally:
        uses.close()


def last_use(store: KeyStore, id: str) -> datetime | None:
    return store.require(id).last_used_at


def test_the_first_use_of_each_minute_is_kept(engine: Engine) -> None:
    clock, id = Clock(), make_key(engine).record.id
    store = KeyStore(engine, PEPPER, clock=clock.utc)
    first = clock.utc()
    assert last_use(store, id) is None
    with recording(store, clock) as uses:
        uses.note(id)
        clock.seconds += 59
        uses.note(id)
    assert last_use(store, id) == first
    with recording(store, clock) as uses:
        clock.seconds += 1
        uses.note(id)
    assert last_use(store, id) == first + timedelta(minutes=1)


def test_many_uses_in_a_minute_are_one_statement(sqlite_engine: Engine) -> None:
    statements: list[str] = []
    id, clock = make_key(sqlite_engine).record.id, Clock()
    event.listen(sqlite_engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    with recording(KeyStore(sqlite_engine, PEPPER, clock=clock.utc), clock) as uses:
        for _ in range(1000):
            uses.note(id)
    assert [statement.split()[0] for statement in statements] == ["UPDATE"]


def test_of_several_processes_one_writes_within_a_minute(engine: Engine) -> None:
    clock, id = Clock(), make_key(engine).record.id
    store, first = KeyStore(engine, PEPPER, clock=clock.utc), clock.utc()
    for _ in range(3):
        with recording(store, clock) as uses:
            uses.note(id)
        clock.seconds += 15
    assert last_use(store, id) == first


def test_a_dead_database_loses_uses_and_counts_them(database_url: str) -> None:
    clock = Clock()
    with opened_database(database_url) as engine:
        with recording(KeyStore(engine, PEPPER, clock=clock.utc), clock) as uses:
            uses.note("abcdefgh")
            uses.note("ijklmnop")
        assert uses.lost == 2


def test_when_nothing_is_written_uses_beyond_a_bound_are_lost_and_counted(sqlite_engine: Engine) -> None:
    uses = LastUses(KeyStore(sqlite_engine, PEPPER), clock=Clock())
    for number in range(MOST_WAITING + 5):
        uses.note(f"{number:08d}")
    assert uses.lost == 5


@pytest.mark.parametrize("started", [True, False])
def test_closing_ends_the_thread(sqlite_engine: Engine, started: bool) -> None:
    uses = LastUses(KeyStore(sqlite_engine, PEPPER))
    if started:
        uses.start()
    uses.close()
    assert not uses.is_running
