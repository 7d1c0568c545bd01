"""Outcomes that wait for their predictions to be read, and pairs of both: windows of the last ones of each version."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone

import orjson

from app.monitoring.quality.feedback import KeptOutcome
from app.monitoring.quality.labels import Outcome
from app.monitoring.quality.measuring.pairs import Answered

_TABLES = (
    "CREATE TABLE IF NOT EXISTS quality_waiting (request BLOB NOT NULL, position INTEGER NOT NULL,"
    " revision INTEGER NOT NULL, outcome BLOB NOT NULL, received_at REAL NOT NULL, seen_at REAL NOT NULL,"
    " PRIMARY KEY (request, position)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS quality_waiting_seen ON quality_waiting (seen_at)",
    "CREATE TABLE IF NOT EXISTS quality_pairs (id INTEGER PRIMARY KEY, version TEXT NOT NULL, request BLOB NOT NULL,"
    " position INTEGER NOT NULL, revision INTEGER NOT NULL, outcome BLOB NOT NULL, answer BLOB NOT NULL,"
    " received_at REAL NOT NULL)",
    "CREATE UNIQUE INDEX IF NOT EXISTS quality_pairs_prediction ON quality_pairs (request, position)",
    "CREATE INDEX IF NOT EXISTS quality_pairs_version ON quality_pairs (version, id)",
)


@dataclass(frozen=True, kw_only=True)
class WaitingOutcome:
    """Attributes: request, position: The two parts of its prediction's id."""

    request: bytes
    position: int
    revision: int
    outcome: Outcome
    received_at: float

    @property
    def prediction_id(self) -> str:
        return f"{self.request.hex()}-{self.position}"


@dataclass(frozen=True, kw_only=True)
class Window:
    """The last outcomes of a version, the oldest first.

    Attributes:
        start, end: When the first and the last of them were told.
    """

    version: str
    told: list[tuple[Answered, Outcome]]
    start: datetime
    end: datetime


def read_kept(kept: KeptOutcome) -> WaitingOutcome:
    request, _, position = kept.prediction_id.rpartition("-")
    return WaitingOutcome(
        request=bytes.fromhex(request),
        position=int(position),
        revision=kept.revision,
        outcome=kept.outcome,
        received_at=kept.received_at.timestamp(),
    )


class OutcomeTables:
    """Outcomes, each counted once, however often it is taken."""

    def __init__(self, connection: sqlite3.Connection, *, window: int) -> None:
        self._connection = connection
        self._window = window
        for statement in _TABLES:
            connection.execute(statement)

    def change_pair(self, outcome: WaitingOutcome) -> str | None:
        """Let another outcome take the place of the one that a pair has; return the version of the pair, if there is
        one."""
        row = self._connection.execute(
            "SELECT id, version, revision FROM quality_pairs WHERE request = ? AND position = ?",
            (outcome.request, outcome.position),
        ).fetchone()
        if row is None:
            return None
        id, version, revision = row
        if outcome.revision > revision:
            self._connection.execute(
                "UPDATE quality_pairs SET outcome = ?, revision = ? WHERE id = ?",
                (orjson.dumps(outcome.outcome), outcome.revision, id),
            )
        return str(version)

    def wait(self, outcome: WaitingOutcome, *, seen_at: float) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO quality_waiting VALUES (?, ?, ?, ?, ?, ?)",
            (
                outcome.request,
                outcome.position,
                outcome.revision,
                orjson.dumps(outcome.outcome),
                outcome.received_at,
                seen_at,
            ),
        )

    def is_waited_for(self) -> bool:
        """Whether any outcome waits."""
        return self._connection.execute("SELECT 1 FROM quality_waiting LIMIT 1").fetchone() is not None

    def take_waiting(self, request: bytes) -> list[WaitingOutcome]:
        """Remove the outcomes that wait for a request, and return them."""
        found = [
            self._read_waiting(row)
            for row in self._connection.execute(
                "SELECT request, position, revision, outcome, received_at FROM quality_waiting WHERE request = ?",
                (request,),
            )
        ]
        if found:
            self._connection.execute("DELETE FROM quality_waiting WHERE request = ?", (request,))
        return found

    def take_expired(self, before: float, *, most: int) -> list[WaitingOutcome]:
        """Remove outcomes that have waited since before a moment, and return them."""
        rows = self._connection.execute(
            "SELECT request, position, revision, outcome, received_at FROM quality_waiting WHERE seen_at < ?"
            " ORDER BY seen_at LIMIT ?",
            (before, most),
        ).fetchall()
        expired = [self._read_waiting(row) for row in rows]
        self._connection.executemany(
            "DELETE FROM quality_waiting WHERE request = ? AND position = ?",
            [(outcome.request, outcome.position) for outcome in expired],
        )
        return expired

    def add_pair(self, version: str, outcome: WaitingOutcome, answer: Answered) -> None:
        written = orjson.dumps([answer.label, answer.probabilities, answer.classes])
        self._connection.execute(
            "INSERT OR REPLACE INTO quality_pairs (version, request, position, revision, outcome, answer, received_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                version,
                outcome.request,
                outcome.position,
                outcome.revision,
                orjson.dumps(outcome.outcome),
                written,
                outcome.received_at,
            ),
        )

    def shorten(self, versions: Iterable[str], *, oldest: float) -> None:
        """Keep the last outcomes of each of the versions, and none that was told before a moment."""
        for version in versions:
            self._connection.execute(
                "DELETE FROM quality_pairs WHERE version = ? AND id <= coalesce((SELECT id FROM quality_pairs"
                " WHERE version = ? ORDER BY id DESC LIMIT 1 OFFSET ?), -1)",
                (version, version, self._window),
            )
        self._connection.execute("DELETE FROM quality_pairs WHERE received_at < ?", (oldest,))

    def list_versions(self) -> list[str]:
        return [version for (version,) in self._connection.execute("SELECT DISTINCT version FROM quality_pairs")]

    def read_window(self, version: str) -> Window | None:
        rows = self._connection.execute(
            "SELECT outcome, answer, received_at FROM quality_pairs WHERE version = ? ORDER BY id", (version,)
        ).fetchall()
        if not rows:
            return None
        told, moments = [], []
        for outcome, answer, received_at in rows:
            label, probabilities, classes = orjson.loads(answer)
            answered = Answered(label=label, probabilities=probabilities, classes=classes)
            told.append((answered, orjson.loads(outcome)))
            moments.append(datetime.fromtimestamp(received_at, timezone.utc))
        return Window(version=version, told=told, start=min(moments), end=max(moments))

    @staticmethod
    def _read_waiting(row: tuple[bytes, int, int, bytes, float]) -> WaitingOutcome:
        request, position, revision, outcome, received_at = row
        return WaitingOutcome(
            request=request,
            position=position,
            revision=revision,
            outcome=orjson.loads(outcome),
            received_at=received_at,
        )
