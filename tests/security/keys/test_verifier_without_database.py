"""Checking presented keys while the database does not answer, or answers otherwise than before."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete

from app.database import api_keys, create_tables, opened_database
from app.errors import KeysUnavailable
from app.security.keys.format import KeyText, make_key_text
from app.security.keys.store import KeyStore
from app.security.keys.verifier import KeyVerifier
from tests.postgres_server import PostgresServer
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
def own_postgres() -> Iterator[PostgresServer]:
    """A server that the test may kill."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def own_engine(own_postgres: PostgresServer) -> Iterator[Engine]:
    with opened_database(own_postgres.make_database()) as engine:
        create_tables(engine)
        yield engine


class TestWithoutADatabase:
    def test_a_killed_server_stops_only_keys_never_seen(
        self, own_postgres: PostgresServer, own_engine: Engine, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "app.security")
        known, unseen = make_key(own_engine, owner="known"), make_key(own_engine, owner="unseen")
        verifier = make_verifier(own_engine, cache_seconds=0)
        verifier.verify(known.text)
        own_postgres.kill()
        for _ in range(50):
            assert verifier.verify(known.text) == known.record
        for text in (unseen.text, str(make_key_text()), str(KeyText(known.record.id, make_key_text().secret))):
            assert isinstance(refusal_of(verifier, text), KeysUnavailable)
        assert (verifier.outages, verifier.stale_answers) == (1, 50)
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert "\n" not in caplog.messages[0]
        assert "Traceback" not in caplog.text

    def test_a_server_that_comes_back_is_asked_again(
        self, own_postgres: PostgresServer, own_engine: Engine, caplog: pytest.LogCaptureFixture
    ) -> None:
        known, verifier = make_key(own_engine), make_verifier(own_engine)
        verifier.verify(known.text)
        own_postgres.kill()
        time.sleep(0.6)
        verifier.verify(known.text)
        own_postgres.start()
        KeyStore(own_engine, PEPPER).revoke(known.record.id)
        assert seconds_until_refused(verifier, known.text) < 2
        assert caplog.messages[-1] == "API keys are checked against the database again"

    def test_a_frozen_server_holds_nobody_for_long(self, own_postgres: PostgresServer, own_engine: Engine) -> None:
        known, unseen, verifier = make_key(own_engine), make_key(own_engine), make_verifier(own_engine, cache_seconds=0)
        verifier.verify(known.text)
        own_postgres.freeze()
        durations = []
        for _ in range(30):
            started = time.monotonic()
            assert verifier.verify(known.text) == known.record
            durations.append(time.monotonic() - started)
            time.sleep(0.1)
        assert durations[0] < 3
        assert max(durations[1:]) < 0.5
        assert sorted(durations)[15] < 0.01, "between two probes nobody asks"
        assert isinstance(refusal_of(verifier, unseen.text), KeysUnavailable)
        own_postgres.thaw()
        deadline = time.monotonic() + 5
        while not is_admitted(verifier, unseen.text):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert verifier.outages == 1

    def test_a_known_key_works_for_five_minutes_and_not_longer(self, tmp_path: Path) -> None:
        clock = Clock()
        with opened_database(f"sqlite:///{tmp_path}/keys.db") as engine:
            create_tables(engine)
            new, verifier = make_key(engine), KeyVerifier(KeyStore(engine, PEPPER), clock=clock)
            verifier.verify(new.text)
            os.truncate(tmp_path / "keys.db", 0)
            for second in range(0, 301, 10):
                clock.seconds = 1000.0 + second
                assert verifier.verify(new.text) == new.record
            clock.seconds = 1301.0
            assert isinstance(refusal_of(verifier, new.text), KeysUnavailable)

    def test_a_guess_at_a_known_key_does_not_make_it_forgotten(self, tmp_path: Path) -> None:
        with opened_database(f"sqlite:///{tmp_path}/keys.db") as engine:
            create_tables(engine)
            new, verifier = make_key(engine), make_verifier(engine, cache_seconds=0)
            verifier.verify(new.text)
            refusal_of(verifier, str(KeyText(new.record.id, make_key_text().secret)))
            os.truncate(tmp_path / "keys.db", 0)
            assert verifier.verify(new.text) == new.record

    def test_a_deleted_key_stays_refused_without_a_database(self, tmp_path: Path) -> None:
        with opened_database(f"sqlite:///{tmp_path}/keys.db") as engine:
            create_tables(engine)
            new, verifier = make_key(engine), make_verifier(engine, cache_seconds=0)
            verifier.verify(new.text)
            with engine.begin() as connection:
                connection.execute(delete(api_keys))
            assert refusal_of(verifier, new.text).code == "invalid_api_key"
            os.truncate(tmp_path / "keys.db", 0)
            assert isinstance(refusal_of(verifier, new.text), KeysUnavailable)

    def test_a_replaced_database_counts_at_once(self, tmp_path: Path) -> None:
        """An operator who puts a backup in place gets the backup's keys, without a restart."""
        with opened_database(f"sqlite:///{tmp_path}/keys.db") as engine:
            create_tables(engine)
            old, verifier = make_key(engine), make_verifier(engine, cache_seconds=0)
            verifier.verify(old.text)
            with opened_database(f"sqlite:///{tmp_path}/backup.db") as backup:
                create_tables(backup)
                new = make_key(backup)
            os.replace(tmp_path / "backup.db", tmp_path / "keys.db")
            assert verifier.verify(new.text) == new.record
            assert refusal_of(verifier, old.text).code == "invalid_api_key"
