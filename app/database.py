"""The database: its engine and its tables. What is kept in them is decided elsewhere."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    create_engine,
    inspect,
    text,
)
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable

from app.errors import DatabaseError

CONNECT_TIMEOUT_SECONDS = 2
STATEMENT_TIMEOUT_SECONDS = 2
LOCK_TIMEOUT_SECONDS = 5
CREATE_ATTEMPTS = 10

_POSTGRESQL_NAMES = ("postgresql+psycopg", "postgresql", "postgres")
_EXPECTED = "expected sqlite:////path/to/file.db or postgresql+psycopg://user:password@host/name"


DATABASE_FAILURES = (DBAPIError, NoFreeConnection)
"""What a call to an opened database raises when the database does not answer, or answers nonsense."""


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC: goes in and comes out with its time zone, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(timezone.utc)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if dialect.name == "sqlite" else value.astimezone(timezone.utc)


tables = MetaData()
# A column that a later release adds has to take NULL: rows of before have nothing in it, and until the last process of
# before has ended, new rows have neither.

api_keys = Table(
    "api_keys",
    tables,
    Column("id", String(8), primary_key=True),
    Column("owner", Text, nullable=False),
    # What a key is found by.
    Column("secret_hmac", String(64), nullable=False, index=True),
    Column("permissions", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("revoked_at", UtcTime),
    Column("requests_per_minute", Integer),
    Column("rows_per_minute", Integer),
    Column("networks", Text),
    Column("last_used_at", UtcTime),
    Column("replaced_by", String(8)),
)

token_signing_keys = Table(
    "token_signing_keys",
    tables,
    Column("id", String(16), primary_key=True),
    Column("created_at", UtcTime, nullable=False),
    Column("ends_at", UtcTime),
)

revoked_tokens = Table(
    "revoked_tokens",
    tables,
    Column("token_id", String(22), primary_key=True),
    # The API key whose token is meant; empty where an administrator meant it, whosever it is.
    Column("key_id", String(8), primary_key=True),
    Column("ends_at", UtcTime, nullable=False),
)

audit = Table(
    "audit",
    tables,
    Column("id", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("outcome", String(16), nullable=False),
    Column("detail", Text),
)

snapshots = Table(
    "snapshots",
    tables,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("version", Text),
    Column("window_start", UtcTime, nullable=False),
    Column("window_end", UtcTime, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    # Of snapshots with the same one, the last is kept.
    Column("identity", String(200)),
    Column("document", Text, nullable=False),
    Index("ix_snapshots_kind_window_end", "kind", "window_end"),
    Index("ix_snapshots_identity", "identity", unique=True),
)

feedback = Table(
    "feedback",
    tables,
    Column("prediction_id", String(40), primary_key=True),
    # As JSON: a class, or a number.
    Column("outcome", Text, nullable=False),
    # Goes up with each other outcome that is told for the same prediction.
    Column("revision", Integer, nullable=False),
    # Of the watcher: new, taken, or unknown where it found no such prediction.
    Column("state", String(8), nullable=False),
    Column("key_id", String(8), nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Index("ix_feedback_state_received_at", "state", "received_at"),
)

jobs = Table(
    "jobs",
    tables,
    Column("id", String(32), primary_key=True),
    Column("key_id", String(8), nullable=False, index=True),
    Column("version", Text, nullable=False),
    Column("address", Text),
    Column("media_type", String(64), nullable=False),
    Column("result_type", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("parts", String(64)),
    Column("rows", Integer),
    # Empty while it goes on.
    Column("outcome", String(16)),
    Column("ended_at", UtcTime),
    Column("refusal", Text),
    Column("warnings", Text),
)

job_steps = Table(
    "job_steps",
    tables,
    Column("job_id", String(32), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    # Who does it, and when that was last heard of.
    Column("worker", Text),
    Column("claimed_at", UtcTime),
    Column("begun_at", UtcTime),
    Column("done_at", UtcTime),
    Column("warnings", Text),
)

# Jobs and their steps are removed some time after their end; how many there were goes up for good.
job_counts = Table(
    "job_counts",
    tables,
    # How a job ended, or `rows` for the rows that were scored.
    Column("name", String(16), primary_key=True),
    Column("total", BigInteger, nullable=False),
)

leases = Table(
    "leases",
    tables,
    Column("name", String(32), primary_key=True),
    # Empty when nobody holds it.
    Column("owner", Text, nullable=False),
    # Goes up with each sign of life: who waits for its end compares it with what it was, and no two clocks.
    Column("renewals", Integer, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("renewed_at", UtcTime, nullable=False),
)


def open_database(url: str) -> Engine:
    """Return an engine that connects on first use, so that it may be made before a fork.

    Raises:
        DatabaseError: when the URL cannot be used, or the directory of the SQLite file cannot be made.
    """
    try:
        parsed = _parse_url(url)
        return _open_sqlite(parsed) if parsed.drivername.startswith("sqlite") else _open_postgresql(parsed)
    except (ArgumentError, ValueError):
        # What cannot be read is not shown: the password may be anywhere in it.
        raise DatabaseError(f"DATABASE_URL is not a database URL: {_EXPECTED}.") from None


@contextmanager
def opened_database(url: str) -> Iterator[Engine]:
    """Open the database for as long as the block lasts."""
    engine = open_database(url)
    try:
        yield engine
    finally:
        engine.dispose()


def create_tables(engine: Engine) -> None:
    """Create what is missing of tables and, in those of an earlier release, of columns; several processes may at once.

    Raises:
        DatabaseError: when the database does not answer.
    """
    for attempt in range(1, CREATE_ATTEMPTS + 1):
        try:
            with engine.begin() as connection:
                for table in tables.sorted_tables:
                    connection.execute(CreateTable(table, if_not_exists=True))
                    _add_missing_columns(connection, table)
                    _add_missing_indexes(connection, table)
            return
        except DBAPIError as fault:
            if attempt == CREATE_ATTEMPTS or not _was_a_race(fault):
                raise DatabaseError(f"{_describe(engine.url)} cannot be used: {describe_failure(fault)}.") from None
            time.sleep(0.05 * attempt)


def _add_missing_columns(connection: Connection, table: Table) -> None:
    # Looked up first: ALTER TABLE locks all readers out, even where it finds nothing to do.
    present = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for column in table.columns:
        if column.name not in present:
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {definition}"))


def _add_missing_indexes(connection: Connection, table: Table) -> None:
    # Looked up first: to make one locks all writers out.
    present = {index["name"] for index in inspect(connection).get_indexes(table.name)}
    for index in table.indexes:
        if index.name not in present:
            connection.execute(CreateIndex(index, if_not_exists=True))


def describe_failure(fault: BaseException) -> str:
    """Say in one line what a database failure was, without the statement and its values."""
    cause = fault.orig if isinstance(fault, DBAPIError) else fault
    return str(cause or type(fault).__name__).strip().partition("\n")[0].rstrip(".")


def _parse_url(written: str) -> URL:
    url = make_url(written)
    if url.drivername in _POSTGRESQL_NAMES:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise DatabaseError(f"DATABASE_URL names the unknown database {url.drivername!r}: {_EXPECTED}.")
    if url.host or not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise DatabaseError(f"DATABASE_URL has to name a file for SQLite, which all processes can open: {_EXPECTED}.")
    return url


def _open_sqlite(url: URL) -> Engine:
    path = Path(str(url.database))
    # A connection for each use costs 0.2 ms, and notices when the file has been replaced.
    engine = create_engine(url, poolclass=NullPool, creator=lambda: _connect_to_sqlite(path), hide_parameters=True)
    _prepare_private_file(path)
    return engine


def _prepare_private_file(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as fault:
        raise DatabaseError(f"The database file {path} cannot be created: {fault.strerror}.") from None


# Python has no codes of SQLite before 3.11.
_FAILURES_OF_DISKS = (
    "attempt to write a readonly database",
    "database or disk is full",
    "disk I/O error",
    "unable to open database file",
)


def _connect_to_sqlite(path: Path) -> sqlite3.Connection:
    """Connect as writer. Fallback: where a full or read-only disk has no room for what SQLite keeps beside the file
    while it is open, connect as reader of the file alone: keys can still be checked. Each write then fails, and tells.
    """
    connection = sqlite3.connect(path, timeout=LOCK_TIMEOUT_SECONDS, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # Not NORMAL: a power cut must not undo the revocation of a key.
        connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error as fault:
        connection.close()
        if str(fault) not in _FAILURES_OF_DISKS or _holds_more_beside(path):
            raise
        return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    return connection


def _holds_more_beside(path: Path) -> bool:
    """Whether something was written that is not in the file itself yet."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def _open_postgresql(url: URL) -> Engine:
    timeouts: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        # Bounds, in milliseconds, how long a connection may stay silent after the server's machine has gone.
        "tcp_user_timeout": STATEMENT_TIMEOUT_SECONDS * 1000,
        "options": f"-c statement_timeout={STATEMENT_TIMEOUT_SECONDS * 1000}",
    }
    chosen = {name: value for name, value in timeouts.items() if name not in url.query}
    try:
        return create_engine(
            url, pool_pre_ping=True, pool_timeout=CONNECT_TIMEOUT_SECONDS, connect_args=chosen, hide_parameters=True
        )
    except ModuleNotFoundError:
        raise DatabaseError("PostgreSQL needs psycopg: pip install 'gluonserve[postgres]'.") from None


def _was_a_race(fault: DBAPIError) -> bool:
    # PostgreSQL answers IF NOT EXISTS with a duplicate in its catalogue while somebody else creates the same table;
    # SQLite does not wait for a lock where two turn a new file to WAL; a column may come between a look and its adding.
    duplicates = ("23505", "42P07", "42710", "42701")
    words = ("database is locked", "duplicate column name")
    return getattr(fault.orig, "sqlstate", None) in duplicates or any(word in str(fault.orig) for word in words)


def _describe(url: URL) -> str:
    # Query parameters may hold a password too, which SQLAlchemy does not hide.
    return "The database " + url.set(query={}).render_as_string(hide_password=True)
