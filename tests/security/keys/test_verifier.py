"""Checking presented keys: who gets in, how soon a revocation counts."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from app.database import create_tables, opened_database
from app.errors import Unauthenticated
from app.security.keys.format import KeyText, make_key_text
from app.security.keys.store import KeyStore
from app.security.keys.verifier import KeyVerifier
from tests.security.builders import (
    PEPPER,
    Clock,
    is_admitted,
    make_key,
    make_verifier,
    refusal_of,
    seconds_until_refused,
)


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def verifier_without_tables(tmp_path: Path) -> Iterator[KeyVerifier]:
    """A verifier that answers KeysUnavailable as soon as it looks anything up."""
    with opened_database(f"sqlite:///{tmp_path}/empty.db") as engine:
        yield make_verifier(engine)


class TestWhoGetsIn:
    def test_a_valid_key_gets_its_record(self, engine: Engine) -> None:
        new = make_key(engine)
        verifier = make_verifier(engine)
        assert verifier.verify(new.text) == new.record
        assert verifier.verify(new.text) == new.record

    @pytest.mark.parametrize("text", [None, ""])
    def test_who_sends_no_key_is_told_where_to_put_it(self, engine: Engine, text: str | None) -> None:
        refusal = refusal_of(make_verifier(engine), text)
        assert (refusal.status, refusal.code) == (401, "missing_api_key")
        assert refusal.detail == "Send an API key in the X-API-Key header."

    def test_every_bad_key_is_refused_alike(self, engine: Engine) -> None:
        store = KeyStore(engine, PEPPER)
        verifier = KeyVerifier(KeyStore(engine, PEPPER, clock=lambda: datetime.now(timezone.utc) + timedelta(days=2)))
        valid, revoked, expired = make_key(engine), make_key(engine), make_key(engine, lifetime=timedelta(days=1))
        store.revoke(revoked.record.id)
        bad = {
            "unknown": str(make_key_text()),
            "wrong secret": str(KeyText(valid.record.id, make_key_text().secret)),
            "wrong checksum": valid.text[:-1] + ("a" if valid.text[-1] != "a" else "b"),
            "revoked": revoked.text,
            "expired": expired.text,
            "malformed": "hunter2",
        }
        refusals = {name: refusal_of(verifier, text) for name, text in bad.items()}
        assert {(r.status, r.code, r.detail) for r in refusals.values()} == {
            (401, "invalid_api_key", "The API key is not valid.")
        }
        assert verifier.verify(valid.text) == valid.record

    def test_a_wrong_secret_is_refused_while_the_right_one_is_in_memory(self, engine: Engine) -> None:
        new, verifier = make_key(engine), make_verifier(engine, cache_seconds=60)
        verifier.verify(new.text)
        guess = str(KeyText(new.record.id, make_key_text().secret))
        assert refusal_of(verifier, guess).code == "invalid_api_key"
        assert verifier.verify(new.text) == new.record

    def test_a_key_ends_at_its_time_even_from_memory(self, engine: Engine) -> None:
        clock = Clock()
        store = KeyStore(engine, PEPPER, clock=clock.utc)
        verifier = KeyVerifier(store, cache_seconds=3600, clock=clock)
        new = store.create("billing", ["predict"], timedelta(seconds=60))
        clock.seconds += 59
        assert verifier.verify(new.text) == new.record
        clock.seconds += 1
        assert refusal_of(verifier, new.text).code == "invalid_api_key"

    def test_an_unknown_id_and_a_wrong_secret_cost_the_same_statements(
        self, engine: Engine, statements: list[str]
    ) -> None:
        new, verifier = make_key(engine), make_verifier(engine)
        verifier.verify(new.text)
        counts = []
        for text in (make_key_text(), KeyText(new.record.id, make_key_text().secret)):
            statements.clear()
            refusal_of(verifier, str(text))
            counts.append(statements.copy())
        assert counts[0] == counts[1]
        assert len(counts[0]) == 1

    def test_guesses_with_a_right_checksum_are_all_refused(self, sqlite_engine: Engine) -> None:
        new, verifier = make_key(sqlite_engine), make_verifier(sqlite_engine)
        guesses = [make_key_text() for _ in range(1000)]
        guesses += [KeyText(new.record.id, guess.secret) for guess in guesses]
        assert {refusal_of(verifier, str(guess)).code for guess in guesses} == {"invalid_api_key"}


class TestHostileTexts:
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.text(min_size=1) | st.text(min_size=52, max_size=52))
    def test_any_text_is_refused_without_a_look_up(self, verifier_without_tables: KeyVerifier, text: str) -> None:
        assert refusal_of(verifier_without_tables, text).code == "invalid_api_key"

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.data())
    def test_a_key_with_something_else_in_it_is_refused_without_a_look_up(
        self, verifier_without_tables: KeyVerifier, data: st.DataObject
    ) -> None:
        text = str(KeyText("abcd1234", "x" * 32))
        start = data.draw(st.integers(0, 51))
        end = data.draw(st.integers(start, 52))
        changed = text[:start] + data.draw(st.text().filter(lambda part: part != text[start:end])) + text[end:]
        assert refusal_of(verifier_without_tables, changed or "-").code == "invalid_api_key"

    @pytest.mark.parametrize(
        "text",
        [
            "\x00",
            "gsk_\x00" + "a" * 47,
            "\ud800" * 52,
            "ｇsk_" + "a" * 48,
            "é" * 52,
            "a" * 52,
            "gsk_" * 13,
            "\r\n" * 26,
        ],
    )
    def test_a_text_that_is_no_key_is_refused_without_a_look_up(
        self, verifier_without_tables: KeyVerifier, text: str
    ) -> None:
        assert refusal_of(verifier_without_tables, text).code == "invalid_api_key"

    def test_a_megabyte_is_refused_by_its_length(self, verifier_without_tables: KeyVerifier) -> None:
        text = str(make_key_text()) + "a" * 10**6
        started = time.perf_counter()
        for _ in range(1000):
            refusal_of(verifier_without_tables, text)
        assert (time.perf_counter() - started) / 1000 < 0.001

    def test_the_fixture_would_notice_a_look_up(self, verifier_without_tables: KeyVerifier) -> None:
        assert refusal_of(verifier_without_tables, str(make_key_text())).code == "keys_unavailable"

    def test_of_100_000_random_keys_none_gets_in(self, verifier_without_tables: KeyVerifier) -> None:
        letters, numbers = "0123456789abcdefghijklmnopqrstuvwxyz", random.Random(7)
        accepted = 0
        for _ in range(100_000):
            drawn = "".join(numbers.choices(letters, k=46))
            try:
                verifier_without_tables.verify(f"gsk_{drawn[:8]}_{drawn[8:40]}_{drawn[40:]}")
                accepted += 1
            except Unauthenticated:
                pass
        assert accepted == 0


class TestMemory:
    def test_a_confirmed_key_asks_the_database_no_more_until_half_a_second_later(
        self, engine: Engine, statements: list[str]
    ) -> None:
        clock, new = Clock(), make_key(engine)
        verifier = KeyVerifier(KeyStore(engine, PEPPER), clock=clock)
        statements.clear()
        for moment in (0.0, 0.25, 0.49):
            clock.seconds = 1000 + moment
            verifier.verify(new.text)
        assert len(statements) == 1
        clock.seconds = 1000.5
        verifier.verify(new.text)
        assert len(statements) == 2

    def test_an_answer_from_memory_takes_microseconds(self, sqlite_engine: Engine) -> None:
        new, verifier = make_key(sqlite_engine), make_verifier(sqlite_engine, cache_seconds=3600)
        verifier.verify(new.text)
        durations = []
        for _ in range(10_000):
            started = time.perf_counter_ns()
            verifier.verify(new.text)
            durations.append(time.perf_counter_ns() - started)
        assert sorted(durations)[5_000] < 20_000

    def test_a_new_key_works_at_once_though_it_was_refused_before(self, engine: Engine) -> None:
        store, verifier = KeyStore(engine, PEPPER), make_verifier(engine, cache_seconds=60)
        refusal_of(verifier, str(make_key_text()))
        assert verifier.verify(store.create("billing", ["predict"]).text).owner == "billing"

    def test_a_hostile_text_with_the_id_of_a_key_in_memory_is_refused(self, sqlite_engine: Engine) -> None:
        new, verifier = make_key(sqlite_engine), make_verifier(sqlite_engine)
        verifier.verify(new.text)
        for filler in ("\x00", "\ud800", "é", "\uff41"):
            assert refusal_of(verifier, new.text[:12] + filler * 40).code == "invalid_api_key"

    def test_memory_is_bounded(self, tmp_path: Path) -> None:
        with opened_database(f"sqlite:///{tmp_path}/keys.db") as engine:
            create_tables(engine)
            texts = [make_key(engine).text for _ in range(30)]
            verifier = KeyVerifier(KeyStore(engine, PEPPER), cache_seconds=0, max_cached_keys=10)
            for text in texts:
                verifier.verify(text)
            os.truncate(tmp_path / "keys.db", 0)
            outcomes = [is_admitted(verifier, text) for text in texts]
        assert outcomes == [False] * 20 + [True] * 10


class TestRevocation:
    def test_another_verifier_refuses_a_revoked_key_within_a_second(self, engine: Engine, database_url: str) -> None:
        new = make_key(engine)
        with opened_database(database_url) as other_engine:
            verifier = make_verifier(other_engine)
            verifier.verify(new.text)
            KeyStore(engine, PEPPER).revoke(new.record.id)
            assert seconds_until_refused(verifier, new.text) < 1

    def test_all_threads_refuse_a_revoked_key_within_a_second(self, engine: Engine) -> None:
        new, verifier = make_key(engine), make_verifier(engine)
        with ThreadPoolExecutor(8) as threads:
            waiting = [threads.submit(seconds_until_refused, verifier, new.text) for _ in range(8)]
            time.sleep(0.7)
            assert not any(future.done() for future in waiting)
            KeyStore(engine, PEPPER).revoke(new.record.id)
            assert max(future.result() for future in waiting) < 0.7 + 1

    def test_a_revoked_key_stays_refused_without_a_database(self, tmp_path: Path) -> None:
        with opened_database(f"sqlite:///{tmp_path}/keys.db") as engine:
            create_tables(engine)
            new, verifier = make_key(engine), make_verifier(engine, cache_seconds=0)
            verifier.verify(new.text)
            KeyStore(engine, PEPPER).revoke(new.record.id)
            assert refusal_of(verifier, new.text).code == "invalid_api_key"
            os.truncate(tmp_path / "keys.db", 0)
            assert refusal_of(verifier, new.text).code == "invalid_api_key"
