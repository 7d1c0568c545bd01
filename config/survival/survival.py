"""What gunicorn's master keeps of its workers for the time after they have ended, and what it makes of an end."""

from __future__ import annotations

from typing import Any

from config.front.desk import PLACES
from config.survival.attendance import Attendance
from config.survival.bodies import BodyBoard


class Survival:
    """Made by the master, inherited by its workers.

    Attributes:
        attendance: How far each worker is.
        bodies: What each worker is at.
    """

    def __init__(self, *, threads: int, log: Any) -> None:
        self.attendance = Attendance(places=PLACES)
        self.bodies = BodyBoard(places=PLACES, threads=threads)
        self._log = log

    def expect(self, place: int) -> None:
        self.attendance.expect(place)
        self.bodies.forget(place)

    def note_end(self, place: int) -> None:
        """For the master alone: a worker has ended, in whatever way."""
        if self.attendance.note_end(place) is None:
            self.bodies.forget(place)
            return
        for suspect in self.bodies.blame(place):
            self._log.error(
                "%s workers ended while they were at the request whose body has the digest %s: such requests are "
                "answered 422 for %.0f s.",
                suspect.deaths,
                suspect.digest.hex(),
                suspect.count_seconds_refused(suspect.since),
            )

    def count(self) -> dict[str, int]:
        """Everything that is counted here, by name: kinds of ends, and the bodies that are refused now."""
        return {**self.attendance.count(), "refused_bodies": self.bodies.count_condemned()}
