"""What the watcher found, kept in the database for those who only read: the dashboard, the metrics, `/health`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

import orjson
from sqlalchemy import Connection, Engine, Row, Select, delete, insert, select

from app.database import DATABASE_FAILURES, snapshots
from app.errors import Unavailable

SnapshotKind = Literal["traffic", "traffic_hour", "drift", "quality", "estimate", "system", "watcher", "alert"]


def now_in_utc() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What was true of a stretch of time.

    Attributes:
        version: Of the model, where it is about one.
        window_start, window_end: The stretch that it is about.
        document: Plain values, by kind as in docs/monitoring/watcher.md.
        identity: What it is one of its kind by: it takes the place of the one with the same, so that to tell the same
            thing twice changes nothing. None is always new.
        created_at: Given when it is kept.
    """

    kind: SnapshotKind
    window_start: datetime
    window_end: datetime
    document: Mapping[str, Any]
    version: str | None = None
    identity: str | None = None
    created_at: datetime | None = field(default=None, compare=False)


class SnapshotStore:
    """Keeps snapshots in the database.

    All methods raise Unavailable when the database does not answer.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = now_in_utc) -> None:
        self._engine = engine
        self._clock = clock

    def add(self, *added: Snapshot) -> None:
        """Keep snapshots, all of them or none."""
        now = self._clock()
        with _Answers("written"), self._engine.begin() as connection:
            for snapshot in added:
                _replace(connection, snapshot, now)

    def latest(self, kind: SnapshotKind, *, version: str | None = None) -> Snapshot | None:
        """The one whose window ended last, of one version or of any."""
        found = self.list(kind, version=version, most=1)
        return found[0] if found else None

    def list(
        self, kind: SnapshotKind, *, version: str | None = None, since: datetime | None = None, most: int = 1000
    ) -> Sequence[Snapshot]:
        """Snapshots of one kind, the one whose window ended last first.

        Args:
            since: Leave out those whose window ended before.
        """
        statement = select(snapshots).where(snapshots.c.kind == kind)
        if version is not None:
            statement = statement.where(snapshots.c.version == version)
        if since is not None:
            statement = statement.where(snapshots.c.window_end >= since)
        return self._read(statement.order_by(snapshots.c.window_end.desc(), snapshots.c.id.desc()).limit(most))

    def prune(self, before: datetime, *, kinds: Sequence[SnapshotKind] = ()) -> int:
        """Remove those whose window ended before a moment, of some kinds or of all; return how many."""
        statement = delete(snapshots).where(snapshots.c.window_end < before)
        if kinds:
            statement = statement.where(snapshots.c.kind.in_(kinds))
        with _Answers("written"), self._engine.begin() as connection:
            return connection.execute(statement).rowcount

    def _read(self, statement: Select[Any]) -> Sequence[Snapshot]:
        with _Answers("read"), self._engine.connect() as connection:
            return tuple(_make_snapshot(row) for row in connection.execute(statement))


class _Answers:
    """Turns a silent database into the error that callers know."""

    def __init__(self, act: str) -> None:
        self._act = act

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: object) -> None:
        if isinstance(fault, DATABASE_FAILURES):
            raise Unavailable(f"What the watcher found cannot be {self._act} at the moment.") from fault


def _replace(connection: Connection, snapshot: Snapshot, now: datetime) -> None:
    if snapshot.identity is not None:
        connection.execute(delete(snapshots).where(snapshots.c.identity == snapshot.identity))
    values = {name: getattr(snapshot, name) for name in ("kind", "version", "window_start", "window_end", "identity")}
    written = orjson.dumps(snapshot.document, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    connection.execute(insert(snapshots).values(**values, document=written, created_at=now))


def _make_snapshot(row: Row[Any]) -> Snapshot:
    values = {name: value for name, value in row._mapping.items() if name not in ("id", "document")}
    return Snapshot(**values, document=orjson.loads(row.document))
