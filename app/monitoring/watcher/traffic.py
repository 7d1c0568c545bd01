"""Traffic: how many requests came, what became of them and how long they took, by the minute and by the hour."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from itertools import chain
from typing import Literal

import orjson

from app.monitoring.figures import Figure
from app.monitoring.snapshots import Snapshot
from app.monitoring.watcher.parts import Record, State
from app.monitoring.watcher.tally import Tally

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FIGURE_MINUTES = 5
GRACE = timedelta(seconds=15)
KEPT = {"traffic": timedelta(days=2), "traffic_hour": timedelta(days=9)}

Kind = Literal["traffic", "traffic_hour"]
# How much of a moment's text names its minute, or its hour: 2026-11-24T08:05:59.123Z.
_LENGTHS: dict[Kind, int] = {"traffic": 16, "traffic_hour": 13}
_WIDTHS: dict[Kind, timedelta] = {"traffic": MINUTE, "traffic_hour": HOUR}


class TrafficPart:
    """Adds requests up in tables of its own, so that its memory is that of one batch, however much there is to read.

    A window is told when it is over, and again with the same identity when a line of it is read later: from another
    process, or after a pause of the watcher.
    """

    name = "traffic"

    def __init__(self, state: State | None, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._last_answer: str | None = (state or {}).get("last_answer")
        self._minutes: dict[str, Tally] = {}
        self._connection: sqlite3.Connection | None = None

    def prepare(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute(
            "CREATE TABLE IF NOT EXISTS traffic_windows (kind TEXT NOT NULL,"
            " start TEXT NOT NULL, tally TEXT NOT NULL, changed INTEGER NOT NULL, touched_at REAL NOT NULL,"
            " PRIMARY KEY (kind, start)) WITHOUT ROWID"
        )

    def consume(self, record: Record) -> None:
        kind = record["kind"]
        if kind == "request":
            self._find_minute(record["at"]).add_request(record)
            if record["status"] < 400 and (self._last_answer is None or record["at"] > self._last_answer):
                self._last_answer = record["at"]
        elif kind == "lost":
            self._find_minute(record["at"]).lost_lines += record["lines"]

    def store(self, connection: sqlite3.Connection) -> None:
        hours: dict[str, Tally] = {}
        for minute, tally in self._minutes.items():
            hours.setdefault(minute[: _LENGTHS["traffic_hour"]], Tally()).add(tally)
        windows = chain(
            (("traffic", start, tally) for start, tally in self._minutes.items()),
            (("traffic_hour", start, tally) for start, tally in hours.items()),
        )
        for kind, start, tally in windows:
            _add_to_window(connection, kind, start, tally, touched_at=self._clock())
        self._minutes = {}

    def figures(self, now: datetime) -> Sequence[Figure]:
        last_full = _name_window("traffic", now - MINUTE)
        minutes = dict(self._read_minutes(_name_window("traffic", now - FIGURE_MINUTES * MINUTE)))
        last, recent = minutes.get(last_full, Tally()), Tally()
        for tally in minutes.values():
            recent.add(tally)
        values = {"requests_per_minute": last.requests, "rows_per_minute": last.rows, **_describe_recent(recent)}
        if self._last_answer is not None:
            age = (now - datetime.fromisoformat(self._last_answer.replace("Z", "+00:00"))).total_seconds()
            values["seconds_since_prediction"] = max(0.0, age)
        return [Figure(name, value, now) for name, value in values.items()]

    def snapshots(self, now: datetime) -> Sequence[Snapshot]:
        told: list[Snapshot] = []
        for kind, width in _WIDTHS.items():
            # The running hour is told with each minute: who looks at a week wants to see today.
            over = _name_window(kind, now - GRACE - width) if kind == "traffic" else _name_window(kind, now)
            changed = self._connect().execute(
                "SELECT start, tally FROM traffic_windows WHERE kind = ? AND changed = 1 AND start <= ?",
                (kind, over),
            )
            told += [_make_snapshot(kind, width, *row) for row in changed]
            self._settle(kind, now, over)
        return told

    def to_state(self) -> State:
        return {"last_answer": self._last_answer}

    def _settle(self, kind: Kind, now: datetime, over: str) -> None:
        connection = self._connect()
        connection.execute("UPDATE traffic_windows SET changed = 0 WHERE kind = ? AND start <= ?", (kind, over))
        # By when they were changed, not by what they are of: to catch up, old ones are added to again and again.
        oldest = (now - KEPT[kind]).timestamp()
        connection.execute("DELETE FROM traffic_windows WHERE kind = ? AND touched_at < ?", (kind, oldest))

    def _find_minute(self, at: str) -> Tally:
        start = at[: _LENGTHS["traffic"]]
        tally = self._minutes.get(start)
        if tally is None:
            tally = self._minutes[start] = Tally()
        return tally

    def _read_minutes(self, since: str) -> Iterator[tuple[str, Tally]]:
        rows = self._connect().execute(
            "SELECT start, tally FROM traffic_windows WHERE kind = 'traffic' AND start >= ?", (since,)
        )
        return ((start, Tally(orjson.loads(tally))) for start, tally in rows)

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError("prepare() comes first")
        return self._connection


def _add_to_window(connection: sqlite3.Connection, kind: str, start: str, added: Tally, *, touched_at: float) -> None:
    row = connection.execute("SELECT tally FROM traffic_windows WHERE kind = ? AND start = ?", (kind, start)).fetchone()
    tally = Tally(orjson.loads(row[0]) if row else None)
    tally.add(added)
    connection.execute(
        "INSERT OR REPLACE INTO traffic_windows (kind, start, tally, changed, touched_at) VALUES (?, ?, ?, 1, ?)",
        (kind, start, orjson.dumps(tally.to_state()).decode(), touched_at),
    )


def _describe_recent(recent: Tally) -> dict[str, float]:
    values: dict[str, float] = {"lost_log_lines": recent.lost_lines}
    if recent.requests:
        statuses = recent.counted["by_status"]
        refused = statuses["429"] + statuses["503"]
        failed = sum(count for status, count in statuses.items() if status >= "500") - statuses["503"]
        values |= {"error_share": failed / recent.requests, "refused_share": refused / recent.requests}
    if recent.rows:
        values["warning_share"] = recent.counted["warnings"].total() / recent.rows
    for percent in (50, 99):
        quantile = recent.ms["total"].quantile_ms(percent / 100)
        if quantile is not None:
            values[f"latency_p{percent}_ms"] = quantile
    return values


def _name_window(kind: Kind, moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat()[: _LENGTHS[kind]]


def _make_snapshot(kind: Kind, width: timedelta, start: str, tally: str) -> Snapshot:
    begin = datetime.fromisoformat(start if kind == "traffic" else f"{start}:00").replace(tzinfo=timezone.utc)
    return Snapshot(
        kind=kind,
        window_start=begin,
        window_end=begin + width,
        document=Tally(orjson.loads(tally)).to_document(),
        identity=f"{kind}:{start}",
    )
