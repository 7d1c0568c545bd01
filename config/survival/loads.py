"""Which version a worker is loading, and how often workers have died of loading it."""

from __future__ import annotations

import os
import struct

from config.survival.suspects import IS_FREE, IS_TAKEN, SLOT, SuspectBoard

DEATHS_TO_REFUSE = 3
_KEY = struct.Struct("=QQ")


class LoadsUnderWay:
    """What one worker loads, one version at a time."""

    def __init__(self, board: SuspectBoard, place: int) -> None:
        """Args: board: With room for one thing in each place."""
        self._board = board
        self._offset = place * SLOT.size
        self._key = bytes(_KEY.size)

    def begin(self, version: str, activated: int) -> int:
        """Note what is loaded, until `end`, unless too many workers died of it; return how many did, one after another.

        Args:
            activated: When the active version became so: what was fatal then may be tried again after a change.
        """
        self._key = _KEY.pack(int(version), activated)
        deaths = next((suspect.deaths for suspect in self._board.list_suspects() if suspect.key == self._key), 0)
        if deaths < DEATHS_TO_REFUSE:
            SLOT.pack_into(self._board.slots, self._offset, IS_TAKEN, self._key, os.getpid())
        return deaths

    def end(self, *, is_loaded: bool) -> None:
        """The worker lives; those that died of this version before died of something else if it is loaded now."""
        self._board.slots[self._offset] = IS_FREE
        if is_loaded:
            for suspect in self._board.list_suspects():
                if suspect.key == self._key:
                    self._board.clear(suspect)


def name_version(key: bytes) -> str:
    version, _ = _KEY.unpack(key)
    return str(version)
