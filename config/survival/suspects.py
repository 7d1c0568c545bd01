"""What workers are at, kept where it survives the worker, and what of that they have died of."""

from __future__ import annotations

import mmap
import struct
import time
from dataclasses import dataclass

KEY_BYTES = 16
IS_TAKEN, IS_FREE = 1, 0
# Whether it is taken, what its worker is at, and the worker's process.
SLOT = struct.Struct(f"=B{KEY_BYTES}sI")
_TAKEN = bytes([IS_TAKEN])
_ENTRY = struct.Struct(f"={KEY_BYTES}sQdQ")
_STAMP_BYTES = 8
# The oldest gives way to the next one.
_MOST_ENTRIES = 256

_DEATHS_TO_REFUSE = 2
# The first time; twice as long after each further death.
SECONDS_OF_REFUSAL = 600.0
_MOST_SECONDS_OF_REFUSAL = 86_400.0


@dataclass(frozen=True)
class Suspect:
    """What was under way in a worker when that died, and has not been done since.

    Attributes:
        deaths: How many workers died so.
        since: When the last one did, by the monotonic clock, which is the same for all processes.
        stamp: Its number in the order in which suspects were found.
    """

    key: bytes
    deaths: int
    since: float
    stamp: int

    @property
    def is_condemned(self) -> bool:
        return self.deaths >= _DEATHS_TO_REFUSE

    def count_seconds_refused(self, now: float) -> float:
        """For how long it is refused yet; 0 when it may be tried."""
        if not self.is_condemned:
            return 0.0
        doublings = min(self.deaths - _DEATHS_TO_REFUSE, 16)
        seconds = min(SECONDS_OF_REFUSAL * float(1 << doublings), _MOST_SECONDS_OF_REFUSAL)
        return max(0.0, self.since + seconds - now)


class SuspectBoard:
    """Made by gunicorn's master, inherited by all. What workers are at is known by keys of 16 bytes.

    The master alone writes what is suspect; a worker writes what it is at, and which suspects it has done.
    """

    def __init__(self, *, places: int, threads: int) -> None:
        self.threads = threads
        self.slots = mmap.mmap(-1, places * threads * SLOT.size)
        self._table = mmap.mmap(-1, _MOST_ENTRIES * _ENTRY.size)
        self._edition = memoryview(mmap.mmap(-1, _STAMP_BYTES)).cast("Q")
        self._done = memoryview(mmap.mmap(-1, _STAMP_BYTES * _MOST_ENTRIES)).cast("Q")
        self._used_places = memoryview(mmap.mmap(-1, _STAMP_BYTES)).cast("Q")
        self._next_stamp = 1

    @property
    def edition(self) -> int:
        """Another number as soon as something else is suspect."""
        return self._edition[0]

    def list_suspects(self) -> list[Suspect]:
        entries = (Suspect(*values) for values in _ENTRY.iter_unpack(self._table))
        return [entry for entry in entries if entry.stamp and not self.is_cleared(entry)]

    def count_condemned(self) -> int:
        now = time.monotonic()
        return sum(suspect.count_seconds_refused(now) > 0 for suspect in self.list_suspects())

    def clear(self, suspect: Suspect) -> None:
        """A worker has done it and lives."""
        self._done[suspect.stamp % _MOST_ENTRIES] = suspect.stamp

    def is_cleared(self, suspect: Suspect) -> bool:
        return self._done[suspect.stamp % _MOST_ENTRIES] == suspect.stamp

    def blame(self, place: int) -> list[Suspect]:
        """A worker has died: suspect what it was at.

        Where some of that was suspect before, it is to blame, and nothing else. Otherwise all of it may be.
        """
        now, keys = time.monotonic(), self._list_under_way(place)
        known = {suspect.key: suspect for suspect in self.list_suspects()}
        blamed = [self._write(key, known.get(key), now) for key in keys & known.keys() or keys]
        if blamed:
            self._edition[0] += 1
        # Last: whoever waits until it is free knows then who is to blame.
        self.forget(place)
        return blamed

    def expect(self, place: int) -> None:
        """A worker is about to be started here."""
        self._used_places[0] = max(self._used_places[0], place + 1)
        self.forget(place)

    def forget(self, place: int) -> None:
        """Nothing is under way here any more: what a worker leaves undone at an orderly end has not ended it."""
        for offset in self._list_offsets(place):
            self.slots[offset] = IS_FREE

    def list_processes_at(self, key: bytes, *, besides: int) -> list[int]:
        """The processes of other places that are at it, or were when they died and nobody has blamed them yet."""
        end = self._used_places[0] * self.threads * SLOT.size
        # What stands before a key says whether it is taken; bodies that come again and again have left theirs in slots.
        if self.slots.find(_TAKEN + key, 0, end) < 0:
            return []
        slots = SLOT.iter_unpack(self.slots[:end])
        return [
            process
            for position, (is_taken, other, process) in enumerate(slots)
            if is_taken and other == key and position // self.threads != besides
        ]

    def acquit_all(self) -> None:
        """Suspect nothing any more."""
        self._table[:] = bytes(len(self._table))
        self._edition[0] += 1

    def _list_under_way(self, place: int) -> set[bytes]:
        slots = (SLOT.unpack_from(self.slots, offset) for offset in self._list_offsets(place))
        return {key for is_taken, key, _ in slots if is_taken}

    def _list_offsets(self, place: int) -> range:
        first = place * self.threads * SLOT.size
        return range(first, first + self.threads * SLOT.size, SLOT.size)

    def _write(self, key: bytes, known: Suspect | None, now: float) -> Suspect:
        deaths, stamp = (known.deaths, known.stamp) if known else (0, self._next_stamp)
        self._next_stamp += known is None
        _ENTRY.pack_into(self._table, stamp % _MOST_ENTRIES * _ENTRY.size, key, deaths + 1, now, stamp)
        return Suspect(key, deaths + 1, now, stamp)
