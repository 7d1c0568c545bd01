"""The bodies of the requests that this process is at: told to whoever survives it, and asked whether they may be tried.

Not here: who is suspect. That is judged by the master of all workers, in config/survival.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterable, Iterator
from typing import Protocol

from app.errors import LethalRequest

logger = logging.getLogger(__name__)

# As many as config/survival has room for.
_DIGEST_BYTES = 16
_MOST_TOLD = 1000


class Survivor(Protocol):
    def enter(self, digest: bytes) -> float:
        """Note what this thread is at; return for how many seconds it is refused instead, or 0."""

    def leave(self) -> None: ...


class NoSurvivor:
    """Nobody looks at what ends this process."""

    def enter(self, digest: bytes) -> float:  # noqa: ARG002
        return 0.0

    def leave(self) -> None: ...


class LethalBodies:
    """Refuses requests that workers have died of. A body counts together with the address that it is sent to."""

    def __init__(self) -> None:
        self._survivor: Survivor = NoSurvivor()
        self._told: set[bytes] = set()

    def share(self, survivor: Survivor) -> None:
        """Tell a survivor from now on."""
        self._survivor = survivor

    def begin(self, address: str, body: bytes) -> None:
        """The present thread begins with a body.

        Raises:
            LethalRequest: when workers have died of it.
        """
        digest = _begin_digest(address)
        digest.update(body)
        self._enter(digest.digest()[:_DIGEST_BYTES])

    def follow(self, address: str, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the pieces of a body; with the last one, the present thread begins with it.

        Raises:
            LethalRequest: when workers have died of it.
        """
        digest = _begin_digest(address)
        for piece in pieces:
            digest.update(piece)
            yield piece
        self._enter(digest.digest()[:_DIGEST_BYTES])

    def end(self) -> None:
        """The present thread is done, in whatever way."""
        self._survivor.leave()

    def _enter(self, digest: bytes) -> None:
        seconds = self._survivor.enter(digest)
        if seconds:
            self._tell_once(digest)
            raise LethalRequest(retry_after_seconds=math.ceil(seconds))

    def _tell_once(self, digest: bytes) -> None:
        """The line has the id of a request, by which its caller can be found."""
        if digest not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(digest)
            logger.warning("Refused: workers ended at requests whose body has the digest %s.", digest.hex())


def _begin_digest(address: str) -> hashlib._Hash:
    """Of an address, to be followed by a body. Of those that are safe this one is the fastest: processors know it."""
    return hashlib.sha256(address.encode() + b"\0")
