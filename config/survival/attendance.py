"""How far each worker is, kept where it survives the worker: whether one ended as it should is known from that."""

from __future__ import annotations

import mmap

_GONE, _BOOTING, _SERVING, _LEAVING = range(4)
_COUNT_BYTES = 8
# Kinds of ends that are none of those that a worker is asked for.
BOOT_FAILURE, DEATH = KINDS = ("boot_failures", "deaths")


class Attendance:
    """Made by gunicorn's master, inherited by all. Only the master counts ends."""

    def __init__(self, *, places: int) -> None:
        self._states = memoryview(mmap.mmap(-1, places))
        self._tired = memoryview(mmap.mmap(-1, places))
        self._arrivals = memoryview(mmap.mmap(-1, _COUNT_BYTES * places)).cast("Q")
        self._ends = memoryview(mmap.mmap(-1, _COUNT_BYTES * len(KINDS))).cast("Q")

    def expect(self, place: int) -> None:
        """A worker is about to be started here."""
        self._states[place], self._tired[place] = _BOOTING, False

    def come(self, place: int) -> None:
        """The worker has loaded everything and takes requests."""
        self._states[place] = _SERVING
        # Each counts for itself: of several writers some counts would be lost.
        self._arrivals[place] += 1

    def tire(self, place: int) -> None:
        """The worker has answered enough and asks to be replaced; it goes on until then."""
        self._tired[place] = True

    def is_tired(self, place: int) -> bool:
        return bool(self._tired[place])

    def leave(self, place: int) -> None:
        """The worker ends because it was told to."""
        self._states[place] = _LEAVING

    def is_serving(self, place: int) -> bool:
        return self._states[place] == _SERVING

    def count_arrivals(self) -> int:
        """How many workers have come since the start of the server."""
        return sum(self._arrivals)

    def note_end(self, place: int) -> str | None:
        """The worker has ended; return of which kind its end was, None for an orderly one."""
        state, self._states[place] = self._states[place], _GONE
        if state not in (_BOOTING, _SERVING):
            return None
        kind = DEATH if state == _SERVING else BOOT_FAILURE
        self._ends[KINDS.index(kind)] += 1
        return kind

    def count(self) -> dict[str, int]:
        return dict(zip(KINDS, self._ends, strict=True))
