"""Parts and judges of tests: they count, keep what they are given, and fail when they are told to."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.monitoring.figures import Figure
from app.monitoring.snapshots import Snapshot
from app.monitoring.watcher.parts import Record, State


class CountingPart:
    """Counts records in its state and in a table, which have to say the same.

    Attributes:
        fails: Names of methods that fail; in place of a method, a state that it refuses.
    """

    name = "counting"

    def __init__(self, state: State | None, *, fails: Sequence[Any] = ()) -> None:
        if state is not None and state in fails:
            raise ValueError("a value of a row")
        self.fails = fails
        self.records: int = state or 0
        self.polls = 0
        self._stored = self.records

    def prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE IF NOT EXISTS counted (records INTEGER)")

    def store(self, connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO counted VALUES (?)", (self.records - self._stored,))
        self._fail_if_told("store")
        self._stored = self.records

    def consume(self, record: Record) -> None:  # noqa: ARG002 - as all parts
        self._fail_if_told("consume")
        self.records += 1

    def poll(self) -> None:
        self._fail_if_told("poll")
        self.polls += 1

    def figures(self, now: datetime) -> Sequence[Figure]:
        self._fail_if_told("figures")
        return [Figure("requests_per_minute", self.records, now)]

    def snapshots(self, now: datetime) -> Sequence[Snapshot]:
        self._fail_if_told("snapshots")
        counted = {"records": self.records}
        return [Snapshot(kind="traffic", window_start=now, window_end=now, document=counted, identity="traffic:1")]

    def to_state(self) -> State:
        self._fail_if_told("to_state")
        return self.records

    def _fail_if_told(self, method: str) -> None:
        if method in self.fails:
            raise ValueError("a value of a row")


class KeepingJudge:
    """Keeps the last figures."""

    name = "alerts"

    def __init__(self, state: State | None = None, *, fails: bool = False) -> None:
        self.rounds: int = state or 0
        self.figures_seen: dict[str, float] = {}
        self._fails = fails

    def evaluate(self, figures: Sequence[Figure], now: datetime) -> None:  # noqa: ARG002 - as all judges
        if self._fails:
            raise ValueError("a value of a row")
        self.rounds += 1
        self.figures_seen = {figure.name: figure.value for figure in figures}

    def figures(self, now: datetime) -> Sequence[Figure]:
        return [Figure("undelivered_alerts", 0, now)]

    def snapshots(self, now: datetime) -> Sequence[Snapshot]:
        return [Snapshot(kind="alert", window_start=now, window_end=now, document={}, identity="alert:1")]

    def settle(self, *, send_all: bool = False) -> None: ...

    def to_state(self) -> State:
        return self.rounds
