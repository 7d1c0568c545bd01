"""Which request bodies workers are at, kept where it survives the worker, and which of these workers have died of."""

from __future__ import annotations

import mmap
import struct
import threading
import time
from dataclasses import dataclass

DIGEST_BYTES = 16
_IS_TAKEN, _IS_FREE = 1, 0
_SLOT = struct.Struct(f"=B{DIGEST_BYTES}s")
_ENTRY = struct.Struct(f"={DIGEST_BYTES}sQdQ")
_STAMP_BYTES = 8
# The oldest gives way to the next one.
_MOST_ENTRIES = 256

_DEATHS_TO_REFUSE = 2
# The first time; twice as long after each further death.
SECONDS_OF_REFUSAL = 600.0
_MOST_SECONDS_OF_REFUSAL = 86_400.0
_MOST_SECONDS_FOR_A_TURN = 1.0


@dataclass(frozen=True)
class Suspect:
    """A body that was under way in a worker when that died, and has not been answered since.

    Attributes:
        deaths: How many workers died so.
        since: When the last one did, by the monotonic clock, which is the same for all processes.
        stamp: Its number in the order in which bodies became suspect.
    """

    digest: bytes
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


class BodyBoard:
    """Made by gunicorn's master, inherited by all. A body is known by a digest; nothing of it lies here.

    The master alone writes who is suspect; a worker writes what it is at, and which suspects it has answered.
    """

    def __init__(self, *, places: int, threads: int) -> None:
        self.threads = threads
        self.slots = mmap.mmap(-1, places * threads * _SLOT.size)
        self._table = mmap.mmap(-1, _MOST_ENTRIES * _ENTRY.size)
        self._edition = memoryview(mmap.mmap(-1, _STAMP_BYTES)).cast("Q")
        self._answered = memoryview(mmap.mmap(-1, _STAMP_BYTES * _MOST_ENTRIES)).cast("Q")
        self._next_stamp = 1

    @property
    def edition(self) -> int:
        """Another number as soon as other bodies are suspect."""
        return self._edition[0]

    def list_suspects(self) -> list[Suspect]:
        entries = (Suspect(*values) for values in _ENTRY.iter_unpack(self._table))
        return [entry for entry in entries if entry.stamp and not self.is_cleared(entry)]

    def count_condemned(self) -> int:
        now = time.monotonic()
        return sum(suspect.count_seconds_refused(now) > 0 for suspect in self.list_suspects())

    def clear(self, suspect: Suspect) -> None:
        """A worker has answered it and lives."""
        self._answered[suspect.stamp % _MOST_ENTRIES] = suspect.stamp

    def is_cleared(self, suspect: Suspect) -> bool:
        return self._answered[suspect.stamp % _MOST_ENTRIES] == suspect.stamp

    def blame(self, place: int) -> list[Suspect]:
        """A worker has died: suspect what it was at; return what is refused from now on.

        Of several bodies those are to blame that were suspect before, if there are any. Else each of them may be.
        """
        now, digests = time.monotonic(), self._take_under_way(place)
        known = {suspect.digest: suspect for suspect in self.list_suspects()}
        blamed = [self._write(digest, known.get(digest), now) for digest in digests & known.keys() or digests]
        if blamed:
            self._edition[0] += 1
        return [suspect for suspect in blamed if suspect.is_condemned]

    def forget(self, place: int) -> None:
        """A worker ends in an orderly way: what it leaves unanswered has not ended it."""
        self._take_under_way(place)

    def _take_under_way(self, place: int) -> set[bytes]:
        digests = set()
        for thread in range(self.threads):
            offset = (place * self.threads + thread) * _SLOT.size
            is_taken, digest = _SLOT.unpack_from(self.slots, offset)
            if is_taken:
                digests.add(digest)
                self.slots[offset] = _IS_FREE
        return digests

    def _write(self, digest: bytes, known: Suspect | None, now: float) -> Suspect:
        deaths, stamp = (known.deaths, known.stamp) if known else (0, self._next_stamp)
        self._next_stamp += known is None
        _ENTRY.pack_into(self._table, stamp % _MOST_ENTRIES * _ENTRY.size, digest, deaths + 1, now, stamp)
        return Suspect(digest, deaths + 1, now, stamp)


class BodiesUnderWay:
    """What one worker is at. A body that is not suspect costs two entries of memory and one comparison."""

    def __init__(self, board: BodyBoard, place: int) -> None:
        self._board = board
        self._first = place * board.threads
        self._offsets: dict[int, int] = {}
        self._edition = -1
        self._suspects: dict[bytes, Suspect] = {}
        self._turn = threading.Lock()
        self._on_trial: dict[int, tuple[Suspect, bool]] = {}

    def enter(self, digest: bytes) -> float:
        """Note what this thread is at, until `leave`; return for how many seconds it is refused instead, or 0.

        A suspect waits until this worker is at no other one: if the worker dies, it is known of which.
        """
        if self._find(digest) is not None:
            seconds = self._begin_trial(digest)
            if seconds:
                return seconds
        _SLOT.pack_into(self._board.slots, self._find_offset(), _IS_TAKEN, digest)
        return 0.0

    def leave(self) -> None:
        """This thread is done with it, in whatever way."""
        thread = threading.get_ident()
        offset = self._offsets.get(thread)
        if offset is not None:
            self._board.slots[offset] = _IS_FREE
        if self._on_trial and thread in self._on_trial:
            suspect, has_turn = self._on_trial.pop(thread)
            self._board.clear(suspect)
            self._end_turn(has_turn)

    def _begin_trial(self, digest: bytes) -> float:
        has_turn = self._turn.acquire(timeout=_MOST_SECONDS_FOR_A_TURN)
        # Another worker may have answered it meanwhile, or died of it.
        suspect = self._find(digest)
        seconds = 0.0 if suspect is None else suspect.count_seconds_refused(time.monotonic())
        if suspect is None or seconds:
            self._end_turn(has_turn)
        else:
            self._on_trial[threading.get_ident()] = suspect, has_turn
        return seconds

    def _end_turn(self, has_turn: bool) -> None:
        if has_turn:
            self._turn.release()

    def _find(self, digest: bytes) -> Suspect | None:
        edition = self._board.edition
        if edition != self._edition:
            self._suspects = {suspect.digest: suspect for suspect in self._board.list_suspects()}
            self._edition = edition
        suspect = self._suspects.get(digest)
        return None if suspect is None or self._board.is_cleared(suspect) else suspect

    def _find_offset(self) -> int:
        thread = threading.get_ident()
        offset = self._offsets.get(thread)
        if offset is None:
            place = self._first + len(self._offsets) % self._board.threads
            offset = self._offsets[thread] = place * _SLOT.size
        return offset
