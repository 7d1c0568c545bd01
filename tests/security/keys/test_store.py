"""Keys in the database: made, listed, found, revoked; on SQLite and PostgreSQL alike."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from ipaddress import ip_network
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from app.database import api_keys, create_tables, opened_database
from app.errors import BadRequest, KeysUnavailable, NotFound
from app.security.keys.format import KeyText, read_key_text
from app.security.keys.store import ApiKey, KeyStore
from tests.processes import run_at_once

PEPPER = "pepper-of-the-tests-32-characters"
NOW = datetime(2026, 11, 23, 4, 19, 3, tzinfo=timezone.utc)


def make_store(engine: Engine) -> KeyStore:
    return KeyStore(engine, PEPPER, clock=lambda: NOW)


def create_keys_and_note_them(wait_for_all: Callable[[], int], url: str, notes: str) -> None:
    with opened_database(url) as engine:
        wait_for_all()
        create_tables(engine)
        store = KeyStore(engine, PEPPER)
        texts = [store.create("many", ["predict"]).text for _ in range(25)]
    (Path(notes) / texts[0]).write_text("\n".join(texts))


def test_a_new_key_is_listed_and_found(engine: Engine) -> None:
    store = make_store(engine)
    new = store.create(
        "  billing  ",
        ["predict", "jobs"],
        timedelta(days=30),
        requests_per_minute=600,
        rows_per_minute=50_000,
        networks=["10.0.0.0/8", "2001:db8::1"],
    )
    expected = ApiKey(
        id=new.text[4:12],
        owner="billing",
        permissions=frozenset({"predict", "jobs"}),
        created_at=NOW,
        expires_at=NOW + timedelta(days=30),
        revoked_at=None,
        requests_per_minute=600,
        rows_per_minute=50_000,
        networks=(ip_network("10.0.0.0/8"), ip_network("2001:db8::1")),
        last_used_at=None,
        replaced_by=None,
    )
    assert new.record == expected
    assert store.find(expected.id) == expected
    assert store.list() == (expected,)
    assert store.find_by_text(KeyText(expected.id, new.text[13:45])) == expected


def test_a_right_secret_of_another_key_is_wrong(engine: Engine) -> None:
    store = make_store(engine)
    one, other = store.create("one", ["predict"]), store.create("other", ["admin"])
    assert store.find_by_text(KeyText(other.record.id, one.text[13:45])) is None


def test_keys_of_another_pepper_are_not_found(engine: Engine) -> None:
    text = read_key_text(make_store(engine).create("billing", ["predict"]).text)
    assert text is not None
    assert KeyStore(engine, "another-pepper-of-32-characters!").find_by_text(text) is None


def test_the_secret_is_kept_as_its_hmac(engine: Engine) -> None:
    new = make_store(engine).create("billing", ["predict"])
    with engine.connect() as connection:
        stored = connection.scalar(select(api_keys.c.secret_hmac))
    assert stored == hmac.new(PEPPER.encode(), new.text[13:45].encode(), hashlib.sha256).hexdigest()


def test_no_secret_is_anywhere_in_the_files_of_the_database(sqlite_engine: Engine, tmp_path: Path) -> None:
    with sqlite_engine.connect():  # An open connection keeps the write-ahead log on disk.
        created = [make_store(sqlite_engine).create(f"owner-{number}", ["predict"]) for number in range(20)]
        content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        for new in created:
            assert new.record.id.encode() in content
            assert new.record.owner.encode() in content
            assert new.text[13:45].encode() not in content
            assert new.text[45:].encode() not in content
        assert PEPPER.encode() not in content


def test_a_revoked_key_stays_revoked_since_the_first_time(engine: Engine) -> None:
    times = iter([NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=2)])
    store = KeyStore(engine, PEPPER, clock=lambda: next(times))
    id = store.create("billing", ["predict"]).record.id
    revoked = store.revoke(id)
    assert revoked.revoked_at == NOW + timedelta(hours=1)
    assert store.revoke(id) == revoked
    assert store.list() == (revoked,)


def test_revoking_one_key_leaves_the_others(engine: Engine) -> None:
    store = make_store(engine)
    one, other = (store.create(owner, ["predict"]).record for owner in ("one", "other"))
    store.revoke(one.id)
    assert store.find(other.id) == other


@pytest.mark.parametrize("id", ["zzzzzzzz", "", "short", "x" * 10**6, "abcdefg\x00", "' OR 1=1", "\ud800bcdefgh"])
def test_an_unknown_id_is_not_found(engine: Engine, id: str) -> None:
    store = make_store(engine)
    store.create("billing", ["predict"])
    assert store.find(id) is None
    with pytest.raises(NotFound) as refusal:
        store.revoke(id)
    assert (refusal.value.status, refusal.value.code) == (404, "key_not_found")
    assert [record.revoked_at for record in store.list()] == [None]


@pytest.mark.parametrize(
    "owner", ["", "   ", "a" * 201, "nul\x00", "two\nlines", "\x1b[2J", "\ud800", "right\u202eleft"]
)
def test_an_owner_that_could_harm_its_reader_is_refused(sqlite_engine: Engine, owner: str) -> None:
    with pytest.raises(BadRequest):
        make_store(sqlite_engine).create(owner, ["predict"])


def test_an_owner_may_have_any_letters(engine: Engine) -> None:
    store = make_store(engine)
    store.create("Бухгалтерия [bold] 経理 '; DROP TABLE api_keys; --", ["predict"])
    assert [record.owner for record in store.list()] == ["Бухгалтерия [bold] 経理 '; DROP TABLE api_keys; --"]


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(days=-1), timedelta(days=36_501), timedelta.max])
def test_an_impossible_lifetime_is_refused(sqlite_engine: Engine, lifetime: timedelta) -> None:
    with pytest.raises(BadRequest):
        make_store(sqlite_engine).create("billing", ["predict"], lifetime)


def test_a_refused_key_leaves_nothing_behind(sqlite_engine: Engine) -> None:
    store = make_store(sqlite_engine)
    with pytest.raises(BadRequest):
        store.create("billing", ["root"])
    assert store.list() == ()


def test_the_state_of_a_key() -> None:
    key = ApiKey(id="a", owner="o", permissions=frozenset(), created_at=NOW, expires_at=NOW + timedelta(days=1))
    assert key.state_at(NOW) == "active"
    assert key.state_at(NOW + timedelta(days=1)) == "expired"
    assert ApiKey(**{**vars(key), "revoked_at": NOW}).state_at(NOW + timedelta(days=2)) == "revoked"


def test_several_processes_create_keys_at_once(database_url: str, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    run_at_once(4, create_keys_and_note_them, database_url, str(notes))
    texts = [text for path in notes.iterdir() for text in path.read_text().split()]
    with opened_database(database_url) as engine:
        store = KeyStore(engine, PEPPER)
        found = [store.find_by_text(KeyText(text[4:12], text[13:45])) for text in texts]
        assert len(texts) == len(store.list()) == 100
    assert {record.id for record in found if record is not None} == {text[4:12] for text in texts}


def test_a_database_without_tables_is_unavailable(database_url: str) -> None:
    with opened_database(database_url) as engine, pytest.raises(KeysUnavailable) as refusal:
        make_store(engine).list()
    assert (refusal.value.status, refusal.value.retry_after_seconds) == (503, 5)
    assert refusal.value.detail == "API keys cannot be checked at the moment; try again in a few seconds."
