"""Who is the one watcher of an installation: a row of the database that its holder renews, and others take over."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.database import DATABASE_FAILURES, leases
from app.errors import Unavailable
from app.monitoring.snapshots import now_in_utc

SECONDS_TO_LIVE = 15.0

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Owner:
    """A process, told apart from all others that were or will be.

    Attributes:
        place: Where its number means this process: one boot of one machine, and there one space of process numbers.
        started: When it began, in ticks since the boot: a number may be used again, and a clock may jump.
    """

    place: str
    pid: int
    started: int

    @property
    def text(self) -> str:
        return f"{self.place} {self.pid} {self.started}"


def describe_this_process() -> Owner:
    place = f"{_BOOT_ID.read_text().strip()}/{os.readlink('/proc/self/ns/pid')}"
    return Owner(place, os.getpid(), read_start(os.getpid()) or 0)


def read_start(pid: int) -> int | None:
    """When a process began, in ticks since the boot; None when there is none of this number."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name of the program comes second, in brackets, and may hold anything. The dead of which nobody asked yet is Z.
    state, *others = text.rpartition(")")[2].split()
    return None if state == "Z" else int(others[18])


def has_gone(owner: str, *, seen_from: Owner) -> bool:
    """Whether the process that an owner's text names is no more; False where it cannot be seen from here."""
    place, pid, started = owner.split(" ")
    if place != seen_from.place:
        return False
    return read_start(int(pid)) != int(started)


class Lease:
    """Held by one process of the installation at a time.

    It is taken over when it has not been renewed for `seconds_to_live`, measured by the clock of who waits, which no
    one can set: no times of two machines are compared, so that a clock that jumps changes nothing. On the holder's own
    machine it is taken over as soon as its process has gone.

    Fallback: while the database does not answer, who held the lease goes on as holder: alerts are wanted then more than
    ever. Who has been replaced meanwhile learns it with the next answer, and from the watcher's file before.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        *,
        owner: Owner,
        seconds_to_live: float = SECONDS_TO_LIVE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._name = name
        self._owner = owner
        self._seconds_to_live = seconds_to_live
        self._monotonic = monotonic
        self._seen: tuple[str, int] | None = None
        self._seen_at = 0.0
        self.is_held = False

    def hold(self) -> bool:
        """Renew the lease, or take it when it is free; tell whether this process holds it.

        Raises:
            Unavailable: when the database does not answer and this process did not hold it.
        """
        try:
            with self._engine.begin() as connection:
                self.is_held = self._renew(connection) or self._take(connection)
        except IntegrityError:
            # Another one took it between our look and our act.
            self.is_held = False
        except DATABASE_FAILURES as fault:
            if not self.is_held:
                raise Unavailable("Who watches cannot be read from the database at the moment.") from fault
        return self.is_held

    def release(self) -> None:
        """Let another one take over at once. Without an answer of the database, it will when the time is up."""
        self.is_held = False
        try:
            with self._engine.begin() as connection:
                mine = (leases.c.name == self._name) & (leases.c.owner == self._owner.text)
                connection.execute(delete(leases).where(mine))
        except DATABASE_FAILURES:
            return

    def _renew(self, connection: Connection) -> bool:
        mine = (leases.c.name == self._name) & (leases.c.owner == self._owner.text)
        renewed = update(leases).where(mine).values(renewals=leases.c.renewals + 1, renewed_at=now_in_utc())
        return connection.execute(renewed).rowcount == 1

    def _take(self, connection: Connection) -> bool:
        row = connection.execute(select(leases).where(leases.c.name == self._name)).one_or_none()
        values = {
            "owner": self._owner.text,
            "host": socket.gethostname(),
            "pid": self._owner.pid,
            "renewed_at": now_in_utc(),
        }
        if row is None:
            connection.execute(insert(leases).values(name=self._name, renewals=0, **values))
            return True
        if not self._has_ended(row):
            return False
        unchanged = (leases.c.name == self._name) & (leases.c.owner == row.owner) & (leases.c.renewals == row.renewals)
        taken = update(leases).where(unchanged).values(renewals=leases.c.renewals + 1, **values)
        return connection.execute(taken).rowcount == 1

    def _has_ended(self, row: Row[tuple[object, ...]]) -> bool:
        now = self._monotonic()
        if self._seen != (row.owner, row.renewals):
            self._seen, self._seen_at = (row.owner, row.renewals), now
        return now - self._seen_at >= self._seconds_to_live or has_gone(str(row.owner), seen_from=self._owner)
