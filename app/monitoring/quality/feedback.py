"""True outcomes as callers told them, kept in the database until the watcher has compared them with the predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson
from sqlalchemy import Connection, Engine, and_, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.database import DATABASE_FAILURES, feedback
from app.errors import Unavailable
from app.monitoring.quality.labels import Outcome
from app.monitoring.snapshots import now_in_utc

FeedbackState = Literal["new", "taken", "unknown"]

Mark = tuple[str, int]
"""A prediction's id and the revision of its outcome."""

_ASKED_AT_ONCE = 500


@dataclass(frozen=True)
class ToldOutcome:
    """Attributes: row: Where in its request it stands."""

    row: int
    prediction_id: str
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of the outcomes of one request.

    Attributes:
        accepted: Told for the first time.
        repeated: Told before, the same.
        changed: Told before otherwise: the last one counts.
        unknown: Of those that were repeated: which prediction nobody found, as the watcher knows by now.
    """

    accepted: int
    repeated: int
    changed: int
    unknown: Sequence[ToldOutcome] = ()


@dataclass(frozen=True, kw_only=True)
class KeptOutcome:
    """An outcome as the watcher takes it.

    Attributes:
        revision: Goes up with each other outcome that is told for the same prediction.
    """

    prediction_id: str
    outcome: Outcome
    revision: int
    received_at: datetime


class FeedbackStore:
    """The table of outcomes. All methods raise Unavailable when the database does not answer."""

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = now_in_utc) -> None:
        self._engine = engine
        self._clock = clock

    def add(self, told: Sequence[ToldOutcome], *, key: str) -> Receipt:
        """Keep outcomes, all of them or none; to tell the same again changes nothing."""
        last = {item.prediction_id: item for item in told}
        try:
            with self._engine.begin() as connection:
                revisions = self._write(connection, last.values(), key)
                repeated = [item for id, item in last.items() if id not in revisions]
                unknown = _find_unknown(connection, [item.prediction_id for item in repeated])
        except DATABASE_FAILURES as fault:
            raise Unavailable("Outcomes cannot be kept at the moment.") from fault
        changed = sum(revision > 1 for revision in revisions.values())
        accepted = len(revisions) - changed
        again = _count_changes_within(told)
        return Receipt(
            accepted=accepted,
            changed=changed + again,
            repeated=len(told) - accepted - changed - again,
            unknown=tuple(item for item in repeated if item.prediction_id in unknown),
        )

    def list_new(self, most: int) -> Sequence[KeptOutcome]:
        """Outcomes that the watcher has not taken yet, the oldest first."""
        statement = select(feedback).where(feedback.c.state == "new").order_by(feedback.c.received_at).limit(most)
        try:
            with self._engine.connect() as connection:
                return [
                    KeptOutcome(
                        prediction_id=row.prediction_id,
                        outcome=orjson.loads(row.outcome),
                        revision=row.revision,
                        received_at=row.received_at,
                    )
                    for row in connection.execute(statement)
                ]
        except DATABASE_FAILURES as fault:
            raise Unavailable("Outcomes cannot be read at the moment.") from fault

    def mark(self, outcomes: Iterable[Mark], state: FeedbackState) -> None:
        """Note what became of outcomes; those that were changed meanwhile stay new."""
        values = [{"id": id, "number": revision} for id, revision in outcomes]
        if not values:
            return
        told = and_(feedback.c.prediction_id == bindparam("id"), feedback.c.revision == bindparam("number"))
        try:
            with self._engine.begin() as connection:
                connection.execute(update(feedback).where(told).values(state=state), values)
        except DATABASE_FAILURES as fault:
            raise Unavailable("Outcomes cannot be marked at the moment.") from fault

    def offer_again(self) -> None:
        """Make all outcomes new: for a watcher that has lost what it made of them."""
        try:
            with self._engine.begin() as connection:
                connection.execute(update(feedback).where(feedback.c.state != "new").values(state="new"))
        except DATABASE_FAILURES as fault:
            raise Unavailable("Outcomes cannot be offered again at the moment.") from fault

    def prune(self, before: datetime) -> int:
        """Forget the outcomes that were told before a moment; return how many."""
        try:
            with self._engine.begin() as connection:
                return connection.execute(delete(feedback).where(feedback.c.received_at < before)).rowcount
        except DATABASE_FAILURES as fault:
            raise Unavailable("Outcomes cannot be forgotten at the moment.") from fault

    def _write(self, connection: Connection, told: Iterable[ToldOutcome], key: str) -> Mapping[str, int]:
        """The revision of each outcome that was new or another one than before."""
        now = self._clock()
        # In one order for all, so that no two requests wait for each other.
        values = [
            {
                "prediction_id": item.prediction_id,
                "outcome": orjson.dumps(item.outcome).decode(),
                "revision": 1,
                "state": "new",
                "key_id": key,
                "received_at": now,
            }
            for item in sorted(told, key=lambda item: item.prediction_id)
        ]
        written = connection.execute(_make_upsert(connection.dialect.name), values)
        return {row.prediction_id: row.revision for row in written}


def _make_upsert(dialect: str) -> Any:
    """Insert outcomes, or take the place of another one that was told before; return what was written."""
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(feedback)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[feedback.c.prediction_id],
        set_={
            "outcome": new.outcome,
            "revision": feedback.c.revision + 1,
            "state": new.state,
            "key_id": new.key_id,
            "received_at": new.received_at,
        },
        where=feedback.c.outcome != new.outcome,
    ).returning(feedback.c.prediction_id, feedback.c.revision)


def _find_unknown(connection: Connection, ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(ids), _ASKED_AT_ONCE):
        asked = feedback.c.prediction_id.in_(ids[start : start + _ASKED_AT_ONCE])
        statement = select(feedback.c.prediction_id).where(asked, feedback.c.state == "unknown")
        found.update(connection.execute(statement).scalars())
    return found


def _count_changes_within(told: Sequence[ToldOutcome]) -> int:
    """How often one request tells another outcome for a prediction than it has told before."""
    seen: dict[str, Outcome] = {}
    changes = 0
    for item in told:
        changes += item.prediction_id in seen and seen[item.prediction_id] != item.outcome
        seen[item.prediction_id] = item.outcome
    return changes
