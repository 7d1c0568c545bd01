"""What the watcher works with: parts that each make something of the records of the prediction log."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from app.monitoring.figures import Figure
from app.monitoring.snapshots import Snapshot

Record = Mapping[str, Any]
State = Any
"""Plain values, as JSON knows them."""


class Part(Protocol):
    """Takes one record after the other, and tells on demand what it made of them. Called by one thread."""

    name: str

    def consume(self, record: Record) -> None: ...

    def figures(self, now: datetime) -> Sequence[Figure]:
        """What holds now."""

    def snapshots(self, now: datetime) -> Sequence[Snapshot]:
        """What is new since the last call, and is worth keeping."""

    def to_state(self) -> State:
        """All that it has to be made of again to go on as if nothing had happened."""


MakePart = Callable[[State | None], Part]
"""Makes a part of its state; None when there is none yet."""


@runtime_checkable
class StoringPart(Protocol):
    """A part that keeps more than fits into its state, in tables of its own in the watcher's file."""

    def prepare(self, connection: sqlite3.Connection) -> None:
        """Make its tables where they are missing. Called once, before all else."""

    def store(self, connection: sqlite3.Connection) -> None:
        """Write what was consumed since the last call, in a transaction that the caller ends."""


@runtime_checkable
class PollingPart(Protocol):
    """A part that also reads elsewhere, such as outcomes in the database."""

    def poll(self) -> None:
        """Look once; called in each cycle after the log has been read."""


class Judge(Protocol):
    """Acts on figures: alerts."""

    name: str

    def evaluate(self, figures: Sequence[Figure], now: datetime) -> None: ...

    def figures(self, now: datetime) -> Sequence[Figure]:
        """Figures of its own, for those who read: messages that wait."""

    def snapshots(self, now: datetime) -> Sequence[Snapshot]: ...

    def settle(self, *, send_all: bool = False) -> None:
        """Come to an end with what it began: what is on its way, or all that is to be sent. Called last."""

    def to_state(self) -> State: ...


MakeJudge = Callable[[State | None], Judge]
