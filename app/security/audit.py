"""Who did what to this installation, and how it ended: one row of the database for each act."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Engine, insert, select

from app.database import DATABASE_FAILURES, audit, describe_failure
from app.errors import Unavailable
from app.security.deadline import BoundedCalls, NoAnswerInTime
from app.security.keys.store import now_in_utc

logger = logging.getLogger(__name__)

_WRITE_SECONDS = 2.0
_WRITES_AT_ONCE = 4
_MOST_DETAIL_CHARACTERS = 2000

AuditOutcome = Literal["started", "done", "failed"]


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One act.

    Attributes:
        actor: `key:<id>` of an API key, `cli:<user>` of the operating system, or what acted by itself.
        target: What it was done to.
        before, after: The values that it changed, where it changed one.
        detail: What else is worth knowing; why it failed, if so.
    """

    at: datetime
    actor: str
    action: str
    target: str
    before: str | None = None
    after: str | None = None
    outcome: AuditOutcome
    detail: str | None = None


class AuditLog:
    """Keeps acts in the database."""

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = now_in_utc) -> None:
        self._engine = engine
        self._clock = clock
        self._calls = BoundedCalls(_WRITES_AT_ONCE)
        self.lost = 0

    def record(
        self,
        *,
        actor: str,
        action: str,
        target: str,
        outcome: AuditOutcome,
        before: str | None = None,
        after: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Keep an act.

        Fallback: when the database does not answer within two seconds, the act is logged as an error in place of that
        and counted in `lost`: nobody may be kept from a rollback by a database.
        """
        entry = AuditEntry(
            at=self._clock(),
            actor=actor,
            action=action,
            target=target,
            before=before,
            after=after,
            outcome=outcome,
            detail=detail and detail[:_MOST_DETAIL_CHARACTERS],
        )
        try:
            self._calls.run(lambda: self._insert(entry), seconds=_WRITE_SECONDS)
        except (*DATABASE_FAILURES, NoAnswerInTime) as fault:
            self.lost += 1
            logger.error("Not in the audit table (%s): %s", describe_failure(fault), entry)

    def list(self, *, most: int = 100) -> tuple[AuditEntry, ...]:
        """The last acts, newest first.

        Raises:
            Unavailable: when the database does not answer.
        """
        columns = [column for column in audit.columns if column is not audit.c.id]
        try:
            with self._engine.begin() as connection:
                rows = connection.execute(select(*columns).order_by(audit.c.id.desc()).limit(most)).all()
        except DATABASE_FAILURES as fault:
            raise Unavailable("The audit table cannot be read at the moment.") from fault
        return tuple(AuditEntry(**row._mapping) for row in rows)

    def _insert(self, entry: AuditEntry) -> None:
        with self._engine.begin() as connection:
            connection.execute(insert(audit).values(asdict(entry)))
