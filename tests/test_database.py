"""Opening SQLite and PostgreSQL, and making the tables."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import insert, inspect, select, text
from sqlalchemy.exc import OperationalError

from app.database import api_keys, create_tables, open_database, opened_database, tables
from app.errors import DatabaseError
from tests.postgres_server import PostgresServer
from tests.processes import run_at_once

TABLES = sorted(tables.tables)
PROCESSES = 4
ROUNDS = 15
FIRST_TABLE_OF_KEYS = """CREATE TABLE api_keys (
    id VARCHAR(8) PRIMARY KEY, owner TEXT NOT NULL, secret_hmac VARCHAR(64) NOT NULL, permissions TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL, expires_at TIMESTAMP, revoked_at TIMESTAMP
)"""
KEY_OF_BEFORE = "INSERT INTO api_keys VALUES ('abcdefgh', 'o', '00', '[]', '2026-11-23 04:19:03', NULL, NULL)"


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


def create_tables_in_each(wait_for_all: Callable[[], int], urls: list[str]) -> None:
    for url in urls:
        with opened_database(url) as engine:
            wait_for_all()
            create_tables(engine)


def test_sqlite_file_and_its_directory_are_private(tmp_path: Path) -> None:
    with opened_database(f"sqlite:///{tmp_path}/state/keys.db") as engine:
        create_tables(engine)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "state" / "keys.db").stat().st_mode) == 0o600


def test_sqlite_writes_ahead_and_waits_for_locks(tmp_path: Path) -> None:
    with opened_database(f"sqlite:///{tmp_path}/keys.db") as engine, engine.connect() as connection:
        pragmas = {
            name: connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 5000}


def test_postgresql_ends_a_statement_after_two_seconds(postgres: PostgresServer) -> None:
    with opened_database(postgres.make_database()) as engine, engine.connect() as connection:
        started = time.monotonic()
        with pytest.raises(OperationalError, match="statement timeout"):
            connection.execute(text("SELECT pg_sleep(30)"))
    assert 1.5 < time.monotonic() - started < 5


def test_postgresql_timeouts_of_the_url_come_first(postgres: PostgresServer) -> None:
    url = postgres.make_database() + "&options=-c%20statement_timeout%3D7000"
    with opened_database(url) as engine, engine.connect() as connection:
        assert connection.scalar(text("SHOW statement_timeout")) == "7s"


@pytest.mark.parametrize("name", ["postgresql", "postgres"])
def test_short_names_of_postgresql_mean_psycopg_3(postgres: PostgresServer, name: str) -> None:
    with opened_database(postgres.make_database().replace("postgresql+psycopg", name)) as engine:
        create_tables(engine)
        assert inspect(engine).get_table_names() == TABLES


def test_several_processes_create_the_tables_of_sqlite_at_once(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path}/{number}/keys.db" for number in range(ROUNDS)]
    run_at_once(PROCESSES, create_tables_in_each, urls)
    for url in urls:
        with opened_database(url) as engine:
            assert inspect(engine).get_table_names() == TABLES


def test_several_processes_create_the_tables_of_postgresql_at_once(postgres: PostgresServer) -> None:
    urls = [postgres.make_database() for _ in range(ROUNDS)]
    run_at_once(PROCESSES, create_tables_in_each, urls)
    for url in urls:
        with opened_database(url) as engine:
            assert inspect(engine).get_table_names() == TABLES


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_several_processes_bring_the_table_of_an_earlier_release_up_to_date_at_once(
    kind: str, tmp_path: Path, postgres: PostgresServer
) -> None:
    urls = [f"sqlite:///{tmp_path}/{n}.db" if kind == "sqlite" else postgres.make_database() for n in range(3)]
    for url in urls:
        with opened_database(url) as engine, engine.begin() as connection:
            connection.execute(text(FIRST_TABLE_OF_KEYS))
            connection.execute(text(KEY_OF_BEFORE))
    run_at_once(PROCESSES, create_tables_in_each, urls)
    for url in urls:
        with opened_database(url) as engine, engine.begin() as connection:
            (row,) = connection.execute(select(api_keys)).all()
            assert {column["name"] for column in inspect(engine).get_columns("api_keys")} == set(api_keys.c.keys())
            assert [index["column_names"] for index in inspect(engine).get_indexes("api_keys")] == [["secret_hmac"]]
        assert [row.id, row.owner, row.requests_per_minute, row.networks] == ["abcdefgh", "o", None, None]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_moment_comes_back_as_the_same_moment_in_utc(kind: str, tmp_path: Path, postgres: PostgresServer) -> None:
    url = f"sqlite:///{tmp_path}/keys.db" if kind == "sqlite" else postgres.make_database()
    moment = datetime(2026, 7, 1, 23, 30, 0, 123456, timezone(timedelta(hours=-7)))
    row = {"id": "abcdefgh", "owner": "o", "secret_hmac": "00", "permissions": "[]", "created_at": moment}
    with opened_database(url) as engine:
        create_tables(engine)
        with engine.begin() as connection:
            connection.execute(insert(api_keys).values(row))
            stored, missing = connection.execute(select(api_keys.c.created_at, api_keys.c.revoked_at)).one()
    assert stored == moment
    assert stored.tzinfo is timezone.utc
    assert missing is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "postgresql://user:hunter2@host:port/name",
        "mysql://user:hunter2@host/name",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:keys?mode=memory&uri=true",
        "sqlite://hunter2/keys.db",
        "sqlite:////nowhere/keys.db?timeout=hunter2",
    ],
)
def test_an_unusable_url_is_refused_in_one_sentence_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseError) as refusal:
        open_database(url)
    sentence = str(refusal.value)
    assert sentence.startswith("DATABASE_URL ")
    assert sentence.endswith("expected sqlite:////path/to/file.db or postgresql+psycopg://user:password@host/name.")
    assert "hunter2" not in sentence
    assert refusal.value.__cause__ is None


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseError, match=r"^The database file .*/file/keys\.db cannot be created: .*\.$"):
        open_database(f"sqlite:///{tmp_path}/file/keys.db")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys.db").write_bytes(b"something else " * 100)
    sentence = r"^The database sqlite:.*/keys\.db cannot be used: file is not a database\.$"
    with opened_database(f"sqlite:///{tmp_path}/keys.db") as engine, pytest.raises(DatabaseError, match=sentence):
        create_tables(engine)


def test_a_server_that_is_not_there_is_reported_at_once_without_its_password() -> None:
    url = "postgresql+psycopg://user:hunter2@127.0.0.1:1/name?password=hunter2"
    started = time.monotonic()
    with opened_database(url) as engine, pytest.raises(DatabaseError) as refusal:
        create_tables(engine)
    assert time.monotonic() - started < 2
    assert "Connection refused" in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


def test_a_fault_does_not_show_the_values_of_a_statement(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/keys.db")
    with engine.connect() as connection, pytest.raises(OperationalError) as fault:
        connection.execute(select(api_keys).where(api_keys.c.secret_hmac == "hunter2"))
    assert "hunter2" not in str(fault.value)


def take_the_room_beside(path: Path) -> None:
    """As on a full disk, SQLite cannot make what it keeps beside the file while that is open."""
    path.with_name(f"{path.name}-shm").symlink_to("nowhere")


def test_where_a_disk_has_no_room_what_is_there_is_read_and_a_write_fails(tmp_path: Path) -> None:
    path = tmp_path / "full.db"
    engine = open_database(f"sqlite:///{path}")
    create_tables(engine)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO token_signing_keys (id, created_at) VALUES ('a', '2026-11-30')"))
    take_the_room_beside(path)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM token_signing_keys")).scalar() == 1
    with pytest.raises(OperationalError, match="readonly"), engine.begin() as connection:
        connection.execute(text("DELETE FROM token_signing_keys"))
    path.with_name("full.db-shm").unlink()
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM token_signing_keys"))


def test_what_is_not_in_the_file_yet_is_not_left_out(tmp_path: Path) -> None:
    path = tmp_path / "full.db"
    engine = open_database(f"sqlite:///{path}")
    create_tables(engine)
    take_the_room_beside(path)
    path.with_name("full.db-wal").write_bytes(b"what somebody has written")
    with pytest.raises(OperationalError), engine.begin() as connection:
        connection.execute(text("SELECT 1"))
