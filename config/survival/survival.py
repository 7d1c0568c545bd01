"""What gunicorn's master keeps of its workers for the time after they have ended, and what it makes of an end."""

from __future__ import annotations

import time
from typing import Any

from config.front.desk import PLACES
from config.survival.attendance import BOOT_FAILURE, Attendance
from config.survival.loads import DEATHS_TO_REFUSE, name_version
from config.survival.pace import BootPace
from config.survival.relief import Relief
from config.survival.suspects import SuspectBoard


class Survival:
    """Made by the master, inherited by its workers.

    Attributes:
        attendance: How far each worker is.
        bodies: The bodies of requests that each worker is at.
        loads: The version that each worker is loading.
        pace: How soon another worker may begin.
        relief: Replaces workers that have answered enough.
    """

    def __init__(self, *, threads: int, log: Any) -> None:
        self.attendance = Attendance(places=PLACES)
        self.bodies = SuspectBoard(places=PLACES, threads=threads)
        self.loads = SuspectBoard(places=PLACES, threads=1)
        self.pace = BootPace()
        self.relief = Relief(self.attendance)
        self._is_over = False
        self._log = log

    def finish(self) -> None:
        """The server ends: from now on workers end because they are told to."""
        self._is_over = True

    def expect(self, place: int) -> None:
        self.attendance.expect(place)
        self.bodies.expect(place)
        self.loads.expect(place)

    def note_end(self, place: int) -> None:
        """For the master alone: a worker has ended, in whatever way."""
        kind = self.attendance.note_end(place)
        if kind is None or self._is_over:
            self.bodies.forget(place)
            self.loads.forget(place)
            return
        if kind == BOOT_FAILURE:
            self.pace.note_failure(arrivals=self.attendance.count_arrivals(), now=time.monotonic())
        self._blame_bodies(place)
        self._blame_loads(place)

    def _blame_bodies(self, place: int) -> None:
        for suspect in self.bodies.blame(place):
            if suspect.is_condemned:
                self._log.error(
                    "%s workers ended while they were at the request whose body has the digest %s: such requests are "
                    "answered 422 for %.0f s.",
                    suspect.deaths,
                    suspect.key.hex(),
                    suspect.count_seconds_refused(suspect.since),
                )

    def _blame_loads(self, place: int) -> None:
        for suspect in self.loads.blame(place):
            version = name_version(suspect.key)
            if suspect.deaths < DEATHS_TO_REFUSE:
                self._log.warning("A worker ended as it loaded version %s.", version)
            elif suspect.deaths == DEATHS_TO_REFUSE:
                self._log.error(
                    "%s workers ended, one after another, as they loaded version %s: it is not loaded any more, unless "
                    "a version is activated or the server is reloaded. The last version that can be loaded answers.",
                    suspect.deaths,
                    version,
                )

    def count(self) -> dict[str, int]:
        """Everything that is counted here, by name: kinds of ends, and the bodies that are refused now."""
        return {**self.attendance.count(), "refused_bodies": self.bodies.count_condemned()}
