"""Which request bodies a worker is at, and which ones it refuses because workers have died of them."""

from __future__ import annotations

import os
import threading
import time

from config.survival.ending import is_ending
from config.survival.suspects import IS_FREE, IS_TAKEN, SLOT, Suspect, SuspectBoard

_MOST_SECONDS_FOR_A_TURN = 1.0
_MOST_SECONDS_TO_A_VERDICT, _SECONDS_BETWEEN_LOOKS = 1.0, 0.001


class BodiesUnderWay:
    """What one worker is at. A body that is not suspect costs two entries of memory and two comparisons."""

    def __init__(self, board: SuspectBoard, place: int) -> None:
        self._board = board
        self._place = place
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
        self._await_verdict(digest)
        if self._find(digest) is not None:
            seconds = self._begin_trial(digest)
            if seconds:
                return seconds
        SLOT.pack_into(self._board.slots, self._find_offset(), IS_TAKEN, digest, os.getpid())
        return 0.0

    def leave(self) -> None:
        """This thread is done with it, in whatever way."""
        thread = threading.get_ident()
        offset = self._offsets.get(thread)
        if offset is not None:
            self._board.slots[offset] = IS_FREE
        if self._on_trial and thread in self._on_trial:
            suspect, has_turn = self._on_trial.pop(thread)
            self._board.clear(suspect)
            self._end_turn(has_turn)

    def _await_verdict(self, digest: bytes) -> None:
        """A proxy sees a worker's death, and asks another one, before the master has seen it and said what is suspect.

        Fallback: a master that says nothing for a second is not waited for.
        """
        until = time.monotonic() + _MOST_SECONDS_TO_A_VERDICT
        while any(map(is_ending, self._board.list_processes_at(digest, besides=self._place))):
            if time.monotonic() >= until:
                return
            time.sleep(_SECONDS_BETWEEN_LOOKS)

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
            self._suspects = {suspect.key: suspect for suspect in self._board.list_suspects()}
            self._edition = edition
        suspect = self._suspects.get(digest)
        return None if suspect is None or self._board.is_cleared(suspect) else suspect

    def _find_offset(self) -> int:
        thread = threading.get_ident()
        offset = self._offsets.get(thread)
        if offset is None:
            place = self._first + len(self._offsets) % self._board.threads
            offset = self._offsets[thread] = place * SLOT.size
        return offset
