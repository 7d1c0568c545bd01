"""A key replaced by another one with the same terms, while the old one goes on for a while."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from app.database import create_tables, opened_database
from app.errors import BadRequest, Conflict, NotFound, ServiceError
from app.security.keys.format import KeyText
from app.security.keys.store import KeyStore
from app.security.keys.terms import terms_of
from tests.processes import run_at_once
from tests.security.builders import PEPPER, Clock

DAY = timedelta(days=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(engine: Engine, clock: Clock) -> KeyStore:
    return KeyStore(engine, PEPPER, clock=clock.utc)


def rotate_and_note_it(wait_for_all: Callable[[], int], url: str, id: str, notes: str) -> None:
    with opened_database(url) as engine:
        number = wait_for_all()
        try:
            outcome = KeyStore(engine, PEPPER).rotate(id, DAY)[1].record.id
        except Conflict as refusal:
            outcome = refusal.code
    (Path(notes) / str(number)).write_text(outcome)


def test_the_new_key_has_the_terms_and_the_lifetime_of_the_old_one(store: KeyStore, clock: Clock) -> None:
    first = store.create(
        "billing",
        ["predict", "jobs"],
        90 * DAY,
        requests_per_minute=600,
        rows_per_minute=9000,
        networks=["10.0.0.0/8"],
    )
    clock.seconds += 30 * DAY.total_seconds()
    old, new = store.rotate(first.record.id, DAY)

    assert terms_of(new.record) == terms_of(first.record)
    assert new.record.expires_at == clock.utc() + 90 * DAY
    assert old.expires_at == clock.utc() + DAY
    assert old.replaced_by == new.record.id
    assert store.list() == (old, new.record)
    assert store.find_by_text(KeyText(new.record.id, new.text[13:45])) == new.record


def test_both_keys_are_good_until_the_overlap_ends(store: KeyStore, clock: Clock) -> None:
    id = store.create("billing", ["predict"]).record.id
    old, new = store.rotate(id, DAY)
    assert new.record.expires_at is None
    assert [key.state_at(clock.utc() + 0.999 * DAY) for key in (old, new.record)] == ["active", "active"]
    assert [key.state_at(clock.utc() + DAY) for key in (old, new.record)] == ["expired", "active"]


def test_an_overlap_never_makes_a_key_live_longer(store: KeyStore, clock: Clock) -> None:
    first = store.create("billing", ["predict"], DAY).record
    assert store.rotate(first.id, 30 * DAY)[0].expires_at == first.expires_at


def test_without_overlap_the_old_key_ends_at_once(store: KeyStore, clock: Clock) -> None:
    old, _ = store.rotate(store.create("billing", ["predict"]).record.id, timedelta(0))
    assert old.state_at(clock.utc()) == "expired"


@pytest.mark.parametrize("overlap", [timedelta(seconds=-1), 91 * DAY, timedelta.max])
def test_an_impossible_overlap_changes_nothing(store: KeyStore, overlap: timedelta) -> None:
    key = store.create("billing", ["predict"]).record
    with pytest.raises(BadRequest):
        store.rotate(key.id, overlap)
    assert store.list() == (key,)


def refusal_of_rotation(store: KeyStore, id: str) -> str:
    with pytest.raises(ServiceError) as refusal:
        store.rotate(id, DAY)
    return refusal.value.code


def test_a_key_that_is_not_active_is_not_replaced(store: KeyStore, clock: Clock) -> None:
    revoked, expired, rotated = (store.create("billing", ["predict"], 10 * DAY).record.id for _ in range(3))
    store.revoke(revoked)
    store.rotate(rotated, 30 * DAY)
    known = store.list()

    assert refusal_of_rotation(store, revoked) == "key_not_active"
    assert refusal_of_rotation(store, rotated) == "key_already_rotated"
    assert store.list() == known
    clock.seconds += 10 * DAY.total_seconds()
    assert refusal_of_rotation(store, expired) == "key_not_active"


@pytest.mark.parametrize("id", ["zzzzzzzz", "", "' OR 1=1", "abcdefg\x00"])
def test_an_unknown_key_is_not_found(store: KeyStore, id: str) -> None:
    with pytest.raises(NotFound):
        store.rotate(id, DAY)
    assert store.list() == ()


def test_of_several_rotations_at_once_one_wins(database_url: str, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    with opened_database(database_url) as engine:
        create_tables(engine)
        store = KeyStore(engine, PEPPER)
        id = store.create("billing", ["predict"]).record.id
        run_at_once(4, rotate_and_note_it, database_url, id, str(notes))
        listed = store.list()
    outcomes = sorted(path.read_text() for path in notes.iterdir())
    assert outcomes.count("key_already_rotated") == 3
    assert {key.id for key in listed} == {id, *outcomes} - {"key_already_rotated"}
