"""The watcher's file: how far it has read and what it made of it, changed together or not at all."""

from __future__ import annotations

import logging
import sqlite3
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from app.monitoring.snapshots import Snapshot
from app.monitoring.watcher.parts import State

BUSY_SECONDS = 5.0
MOST_WAITING = 20_000

logger = logging.getLogger(__name__)

_TABLES = (
    "CREATE TABLE IF NOT EXISTS holder (one INTEGER PRIMARY KEY CHECK (one = 1), owner TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS states (name TEXT PRIMARY KEY, document BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS waiting (id INTEGER PRIMARY KEY AUTOINCREMENT, identity TEXT NOT NULL UNIQUE,"
    " snapshot BLOB NOT NULL)",
)
# What SQLite says of a disk, of rights and of locks. All else is the fault of a statement.
_WORDS_OF_FILES = ("disk", "readonly", "locked", "unable to open")


class Replaced(Exception):
    """Another process works with the file now."""


class FileUnusable(Exception):
    """The file cannot be written at the moment: the disk is full, or broken. What belonged together is undone."""


class WatcherFile:
    """A SQLite file that one process at a time works with: the one that opened it last.

    A power cut may take back the last seconds, all that belongs together of them: they are read again.

    Fallback: a file that is damaged is put aside, which is logged, and a new one begun: all logs that are still there
    are read again, and their snapshots take the place of those that were.
    """

    def __init__(self, path: Path, *, owner: str, most_waiting: int = MOST_WAITING) -> None:
        """Open the file and claim it.

        Args:
            most_waiting: Snapshots that wait for the database at most: the oldest go first.

        Raises:
            FileUnusable: when that is not possible.
        """
        self._owner = owner
        self._most_waiting = most_waiting
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.connection = _open_or_begin_anew(path)
        except (OSError, sqlite3.OperationalError) as fault:
            raise FileUnusable(f"The watcher's file {path} cannot be used: {fault}.") from fault
        with self._transaction():
            self.connection.execute("INSERT OR REPLACE INTO holder VALUES (1, ?)", (owner,))

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Change the file, all of the block or nothing.

        Raises:
            Replaced: when another process has claimed the file.
            FileUnusable: when it cannot be written.
        """
        with self._transaction():
            if self.connection.execute("SELECT owner FROM holder").fetchone() != (self._owner,):
                raise Replaced("Another process has taken over the watcher's file.")
            yield self.connection

    def read_state(self, name: str) -> State | None:
        row = self.connection.execute("SELECT document FROM states WHERE name = ?", (name,)).fetchone()
        return orjson.loads(row[0]) if row else None

    def write_states(self, states: Mapping[str, State]) -> None:
        """Keep states; within a transaction."""
        written = [(name, orjson.dumps(state, option=orjson.OPT_SERIALIZE_NUMPY)) for name, state in states.items()]
        self.connection.executemany("INSERT OR REPLACE INTO states VALUES (?, ?)", written)

    def put_to_wait(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep snapshots until the database takes them, of those with the same identity the last; in a transaction."""
        written = [(snapshot.identity, _write_snapshot(snapshot)) for snapshot in map(_identify, snapshots)]
        self.connection.executemany("INSERT OR REPLACE INTO waiting (identity, snapshot) VALUES (?, ?)", written)
        newest = self.connection.execute(
            "SELECT id FROM waiting ORDER BY id DESC LIMIT 1 OFFSET ?", (self._most_waiting,)
        )
        for (last_that_goes,) in newest.fetchall():
            self.connection.execute("DELETE FROM waiting WHERE id <= ?", (last_that_goes,))

    def list_waiting(self, most: int) -> dict[int, Snapshot]:
        rows = self.connection.execute("SELECT id, snapshot FROM waiting ORDER BY id LIMIT ?", (most,))
        return {number: _read_snapshot(written) for number, written in rows}

    def remove_waiting(self, numbers: Sequence[int]) -> None:
        """Forget snapshots; within a transaction."""
        self.connection.executemany("DELETE FROM waiting WHERE id = ?", [(number,) for number in numbers])

    def count_waiting(self) -> int:
        return int(self.connection.execute("SELECT count(*) FROM waiting").fetchone()[0])

    def close(self) -> None:
        self.connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            yield
            self.connection.execute("COMMIT")
        except BaseException as fault:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            if is_of_the_file(fault):
                raise FileUnusable(f"The watcher's file cannot be written: {fault}.") from fault
            raise


def is_of_the_file(fault: BaseException) -> bool:
    """Tell a fault of the disk under the file, which will pass, from one of a statement."""
    return isinstance(fault, sqlite3.OperationalError) and any(word in str(fault) for word in _WORDS_OF_FILES)


def _open_or_begin_anew(path: Path) -> sqlite3.Connection:
    try:
        return _open(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as fault:
        aside = _put_aside(path)
        logger.error("The watcher's file was damaged (%s); it lies as %s now, and a new one begins.", fault, aside)
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    if not path.exists():
        path.touch(mode=0o600)
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # No wait for the disk with each batch: what belongs together is kept or lost together all the same.
        connection.execute("PRAGMA synchronous = NORMAL")
        if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("its pages do not fit together")
        for statement in _TABLES:
            connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def _put_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return aside


def _identify(snapshot: Snapshot) -> Snapshot:
    """With an identity it may be handed over twice: whoever is killed between that and forgetting it does so."""
    return snapshot if snapshot.identity else replace(snapshot, identity=f"{snapshot.kind}:{uuid.uuid4().hex}")


def _write_snapshot(snapshot: Snapshot) -> bytes:
    values: dict[str, Any] = {
        "kind": snapshot.kind,
        "version": snapshot.version,
        "window_start": snapshot.window_start,
        "window_end": snapshot.window_end,
        "document": snapshot.document,
        "identity": snapshot.identity,
    }
    return orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)


def _read_snapshot(written: bytes) -> Snapshot:
    values = orjson.loads(written)
    for name in ("window_start", "window_end"):
        values[name] = datetime.fromisoformat(values[name])
    return Snapshot(**values)
