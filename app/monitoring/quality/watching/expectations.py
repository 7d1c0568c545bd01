"""Sums of what live rows are expected to turn out as, by version and ten minutes, in the watcher's file."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import orjson

from app.monitoring.quality.estimating.sums import ExpectedSums

KEPT = timedelta(days=7)
# What of a moment's text names its ten minutes: 2026-11-24T08:05:59.123Z.
STRETCH_LETTERS = 15
_STRETCH = timedelta(minutes=10)


@dataclass(frozen=True)
class ExpectedWindow:
    """The last rows of a version, in whole stretches of ten minutes."""

    sums: ExpectedSums
    start: datetime
    end: datetime


class ExpectationTable:
    """Constant in size for each version and ten minutes, for a week."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute(
            "CREATE TABLE IF NOT EXISTS quality_expectations (version TEXT NOT NULL, start TEXT NOT NULL,"
            " sums BLOB NOT NULL, PRIMARY KEY (version, start)) WITHOUT ROWID"
        )

    def add(self, version: str, start: str, added: ExpectedSums) -> None:
        row = self._connection.execute(
            "SELECT sums FROM quality_expectations WHERE version = ? AND start = ?", (version, start)
        ).fetchone()
        if row is not None:
            added.add(_read(row[0]))
        written = orjson.dumps(added.to_state())
        self._connection.execute(
            "INSERT OR REPLACE INTO quality_expectations VALUES (?, ?, ?)", (version, start, written)
        )

    def read_window(self, version: str, *, least_rows: int) -> ExpectedWindow | None:
        """As many of the last stretches as hold so many rows, or all when there are fewer."""
        sums: ExpectedSums | None = None
        starts: list[str] = []
        for start, written in self._connection.execute(
            "SELECT start, sums FROM quality_expectations WHERE version = ? ORDER BY start DESC", (version,)
        ):
            stretch = _read(written)
            if sums is None:
                sums = stretch
            else:
                sums.add(stretch)
            starts.append(start)
            if sums.rows >= least_rows:
                break
        if sums is None:
            return None
        return ExpectedWindow(sums, _read_start(starts[-1]), _read_start(starts[0]) + _STRETCH)

    def list_versions(self) -> list[str]:
        return [version for (version,) in self._connection.execute("SELECT DISTINCT version FROM quality_expectations")]

    def remove_old(self, now: datetime) -> None:
        oldest = (now - KEPT).astimezone(timezone.utc).isoformat()[:STRETCH_LETTERS]
        self._connection.execute("DELETE FROM quality_expectations WHERE start < ?", (oldest,))


def _read(written: bytes) -> ExpectedSums:
    state: Mapping[str, Any] = orjson.loads(written)
    return ExpectedSums(len(state["cells"]), state)


def _read_start(start: str) -> datetime:
    return datetime.fromisoformat(f"{start}0").replace(tzinfo=timezone.utc)
