"""Predictions that wait for their outcomes, in the watcher's file: a bounded number of the last ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.monitoring.quality.measuring.pairs import Answered

MOST_ROWS = 2_000_000

_REMOVED_AT_ONCE = 1000
_TABLES = (
    "CREATE TABLE IF NOT EXISTS quality_predictions (id INTEGER PRIMARY KEY, request BLOB NOT NULL,"
    " at TEXT NOT NULL, version TEXT NOT NULL, rows INTEGER NOT NULL, answers BLOB)",
    "CREATE INDEX IF NOT EXISTS quality_predictions_request ON quality_predictions (request)",
)


@dataclass(frozen=True, kw_only=True)
class AnsweredRequest:
    """A request of the log.

    Attributes:
        request: What its prediction ids have in common.
        at: When it ended, in UTC by ISO 8601.
        answers: As `write_answers` has them; None where the log keeps none.
    """

    request: bytes
    at: str
    version: str
    rows: int
    answers: bytes | None


def write_answers(record: Mapping[str, Any]) -> bytes | None:
    """The answers of a record of the log, for the table."""
    if "labels" not in record:
        return None
    return orjson.dumps([record["labels"], record.get("probabilities"), record.get("classes")])


class ReadAnswers:
    """The answers of one request, read once however many of them are asked for."""

    def __init__(self, written: bytes) -> None:
        self._labels, self._probabilities, self._classes = orjson.loads(written)

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, row: int) -> Answered:
        probabilities = self._probabilities[row] if self._probabilities else None
        return Answered(label=self._labels[row], probabilities=probabilities, classes=self._classes)


class PredictionTable:
    """Keeps each request as one row. The oldest go when they are too old, or when there are too many."""

    def __init__(self, connection: sqlite3.Connection, *, most_rows: int = MOST_ROWS) -> None:
        self._connection = connection
        self._most_rows = most_rows
        for statement in _TABLES:
            connection.execute(statement)
        (self._rows,) = connection.execute("SELECT coalesce(sum(rows), 0) FROM quality_predictions").fetchone()

    def add(self, requests: Iterable[AnsweredRequest], *, oldest: str) -> None:
        """Add requests, and remove those that ended before `oldest`."""
        added = [(new.request, new.at, new.version, new.rows, new.answers) for new in requests]
        self._connection.executemany(
            "INSERT INTO quality_predictions (request, at, version, rows, answers) VALUES (?, ?, ?, ?, ?)", added
        )
        self._rows += sum(rows for _, _, _, rows, _ in added)
        self._remove_old(oldest)

    def find(self, request: bytes) -> AnsweredRequest | None:
        row = self._connection.execute(
            "SELECT at, version, rows, answers FROM quality_predictions WHERE request = ? ORDER BY id DESC LIMIT 1",
            (request,),
        ).fetchone()
        if row is None:
            return None
        at, version, rows, answers = row
        return AnsweredRequest(request=request, at=at, version=version, rows=rows, answers=answers)

    def _remove_old(self, oldest: str) -> None:
        """Look at the oldest ones only: what was read late is removed when it is their turn."""
        while True:
            first: Sequence[tuple[int, str, int]] = self._connection.execute(
                "SELECT id, at, rows FROM quality_predictions ORDER BY id LIMIT ?", (_REMOVED_AT_ONCE,)
            ).fetchall()
            removed = []
            for id, at, rows in first:
                if at >= oldest and self._rows <= self._most_rows:
                    break
                removed.append((id,))
                self._rows -= rows
            self._connection.executemany("DELETE FROM quality_predictions WHERE id = ?", removed)
            if len(removed) < _REMOVED_AT_ONCE:
                return
