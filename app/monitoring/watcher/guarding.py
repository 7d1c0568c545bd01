"""Keeps the fault of one part of the watcher from all others."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType

from app.monitoring.figures import Figure
from app.monitoring.snapshots import Snapshot
from app.monitoring.watcher.failures import Failures
from app.monitoring.watcher.file import FileUnusable, is_of_the_file
from app.monitoring.watcher.parts import (
    Judge,
    MakeJudge,
    MakePart,
    Part,
    PollingPart,
    Record,
    State,
    StoringPart,
)


class GuardedPart:
    """A part whose faults are counted, and take nothing from the other parts.

    Fallback: of a record that it fails on, the part takes no notice. When it fails to store, what it would have stored
    of this batch is lost to it alone. A state that it cannot be made of is dropped, and it begins anew.
    """

    def __init__(
        self, make: MakePart, state: State | None, *, failures: Failures, connection: sqlite3.Connection
    ) -> None:
        self.failures = failures
        self._state = state
        self._connection = connection
        self._part: Part | None = None
        self._storing: StoringPart | None = None
        self._polling: PollingPart | None = None
        with self.failures.attempt("be made of its state"):
            self._adopt(make(state))
        if self._part is None and state is not None:
            with self.failures.attempt("be made"):
                self._adopt(make(None))

    def consume(self, records: Sequence[Record]) -> None:
        if self._part is None:
            return
        consume = self._part.consume
        for record in records:
            try:
                consume(record)
            except Exception as fault:
                self.failures.note("take a record", fault)

    def store(self) -> None:
        """Have it write what it keeps in tables; within a transaction."""
        if self._storing is not None:
            with self.failures.attempt("store"), _Savepoint(self._connection):
                self._storing.store(self._connection)

    def poll(self) -> None:
        if self._polling is not None:
            with self.failures.attempt("look elsewhere"):
                self._polling.poll()

    def figures(self, now: datetime) -> list[Figure]:
        told: list[Figure] = []
        if self._part is not None:
            with self.failures.attempt("tell figures"):
                told += self._part.figures(now)
        return told

    def snapshots(self, now: datetime) -> list[Snapshot]:
        """What is new; within a transaction."""
        told: list[Snapshot] = []
        if self._part is not None:
            with self.failures.attempt("tell snapshots"), _Savepoint(self._connection):
                told += self._part.snapshots(now)
        return told

    def to_state(self) -> State | None:
        """Its state; the last one when it fails to tell."""
        if self._part is not None:
            with self.failures.attempt("tell its state"):
                self._state = self._part.to_state()
        return self._state

    def _adopt(self, part: Part) -> None:
        if isinstance(part, StoringPart):
            part.prepare(self._connection)
            self._storing = part
        if isinstance(part, PollingPart):
            self._polling = part
        self._part = part


class GuardedJudge:
    """A judge whose faults are counted; without one, nobody judges."""

    def __init__(self, make: MakeJudge | None, state: State | None, *, failures: Failures) -> None:
        self.failures = failures
        self._state = state
        self._judge: Judge | None = None
        if make is not None:
            with self.failures.attempt("be made of its state"):
                self._judge = make(state)
            if self._judge is None and state is not None:
                with self.failures.attempt("be made"):
                    self._judge = make(None)

    def evaluate(self, figures: Sequence[Figure], now: datetime) -> None:
        if self._judge is not None:
            with self.failures.attempt("judge"):
                self._judge.evaluate(figures, now)

    def figures(self, now: datetime) -> list[Figure]:
        told: list[Figure] = []
        if self._judge is not None:
            with self.failures.attempt("tell figures"):
                told += self._judge.figures(now)
        return told

    def snapshots(self, now: datetime) -> list[Snapshot]:
        told: list[Snapshot] = []
        if self._judge is not None:
            with self.failures.attempt("tell snapshots"):
                told += self._judge.snapshots(now)
        return told

    def to_state(self) -> State | None:
        if self._judge is not None:
            with self.failures.attempt("tell its state"):
                self._state = self._judge.to_state()
        return self._state

    def settle(self, *, send_all: bool) -> None:
        if self._judge is not None:
            with self.failures.attempt("come to an end"):
                self._judge.settle(send_all=send_all)


class _Savepoint:
    """Undoes what a part wrote when it fails.

    Raises:
        FileUnusable: when it was not the part that failed.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("SAVEPOINT part")

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if fault is not None and (is_of_the_file(fault) or not self._connection.in_transaction):
            raise FileUnusable(f"The watcher's file cannot be written: {fault}.") from fault
        if fault is not None:
            self._connection.execute("ROLLBACK TO part")
        self._connection.execute("RELEASE part")
