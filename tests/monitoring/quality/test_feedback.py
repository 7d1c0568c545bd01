from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.database import create_tables, opened_database
from app.errors import Unavailable
from app.monitoring.quality.feedback import FeedbackStore, ToldOutcome
from tests.postgres_server import PostgresServer
from tests.processes import run_at_once

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=timezone.utc)
OUTCOMES, PROCESSES = 300, 2


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


def make_told(*outcomes: str, first: int = 0) -> list[ToldOutcome]:
    return [
        ToldOutcome(row, f"{'0' * 24}-{number}", outcome)
        for row, (number, outcome) in enumerate(enumerate(outcomes, start=first))
    ]


def test_the_watcher_takes_each_outcome_once_and_again_when_it_was_changed(database: Engine) -> None:
    store = FeedbackStore(database)
    store.add(make_told("a", "b", "c"), key="k")
    taken = store.list_new(2)
    assert [(kept.outcome, kept.revision) for kept in taken] == [("a", 1), ("b", 1)]
    store.mark([(kept.prediction_id, kept.revision) for kept in taken], "taken")
    assert [kept.outcome for kept in store.list_new(10)] == ["c"]
    receipt = store.add(make_told("a", "x"), key="k")
    assert (receipt.accepted, receipt.repeated, receipt.changed) == (0, 1, 1)
    assert {(kept.outcome, kept.revision) for kept in store.list_new(10)} == {("c", 1), ("x", 2)}


def test_what_was_changed_while_it_was_taken_stays_new(database: Engine) -> None:
    store = FeedbackStore(database)
    store.add(make_told("a"), key="k")
    (taken,) = store.list_new(10)
    store.add(make_told("b"), key="k")
    store.mark([(taken.prediction_id, taken.revision)], "taken")
    assert [kept.outcome for kept in store.list_new(10)] == ["b"]


def test_old_outcomes_are_forgotten(database: Engine) -> None:
    moment = [NOW]
    store = FeedbackStore(database, clock=lambda: moment[0])
    store.add(make_told("a"), key="k")
    moment[0] += timedelta(days=2)
    store.add(make_told("b", first=1), key="k")
    assert store.prune(NOW + timedelta(days=1)) == 1
    assert [kept.outcome for kept in store.list_new(10)] == ["b"]


def tell_the_same(wait_for_all: Callable[[], int], url: str, results: Path) -> None:
    with opened_database(url) as engine:
        number = wait_for_all()
        told = make_told(*["a"] * OUTCOMES)
        receipt = FeedbackStore(engine).add(told if number % 2 else told[::-1], key="k")
        (results / str(number)).write_text(f"{receipt.accepted} {receipt.repeated} {receipt.changed}")


def test_of_many_who_tell_the_same_at_once_each_outcome_is_accepted_once(url: str, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    run_at_once(PROCESSES, tell_the_same, url, results)
    counts = [tuple(map(int, path.read_text().split())) for path in results.iterdir()]
    assert [sum(column) for column in zip(*counts, strict=True)] == [OUTCOMES, (PROCESSES - 1) * OUTCOMES, 0]


def test_a_silent_database_is_told_as_such(tmp_path: Path) -> None:
    with opened_database(f"sqlite:///{tmp_path}/empty.db") as database:
        store = FeedbackStore(database)
        for act in (lambda: store.add(make_told("a"), key="k"), lambda: store.list_new(1), lambda: store.prune(NOW)):
            with pytest.raises(Unavailable):
                act()
