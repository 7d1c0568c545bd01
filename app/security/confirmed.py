"""What the database confirmed of credentials: kept for a moment, and for a while when it does not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.errors import KeysUnavailable
from app.security.lookups import Lookups

Record = TypeVar("Record")


class Confirmations(Generic[Record]):
    """Records of credentials by the SHA-256 of their whole text, for any number of threads.

    Not by their ids: to find one and then compare the rest takes longer for an id that is in use than for any other,
    which would tell a guesser something.

    Args:
        cache_seconds: For how long a record is taken from memory: what has been revoked is seen that much later.
        stale_seconds: For how long a record stays good while the database does not answer.
        most: Of more than these the one confirmed longest ago is forgotten.
    """

    def __init__(
        self,
        lookups: Lookups,
        *,
        cache_seconds: float,
        stale_seconds: float,
        most: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lookups = lookups
        self._cache_seconds = cache_seconds
        self._stale_seconds = stale_seconds
        self._most = most
        self._clock = clock
        self._by_digest: dict[bytes, _Confirmed[Record]] = {}
        self._lock = threading.Lock()
        self.stale_answers = 0

    def find(self, digest: bytes, prepare: Callable[[Record | None], Callable[[], Record | None]]) -> Record | None:
        """Return the record of a credential; None, which is not kept, when the database has none.

        Args:
            prepare: Given what memory has, returns the question to the database, or raises when there is none to ask.

        Raises:
            KeysUnavailable: when the database does not answer and the credential was not confirmed lately.
        """
        now = self._clock()
        # Without the lock: reading one item of a dict is atomic, and items are never changed.
        earlier = self._by_digest.get(digest)
        if earlier is not None and now - earlier.at < self._cache_seconds:
            return earlier.record
        question = prepare(None if earlier is None else earlier.record)
        usable = earlier if earlier is not None and now - earlier.at <= self._stale_seconds else None
        try:
            return self._lookups.ask(lambda: self._look_up(digest, question, now), patient=usable is None)
        except KeysUnavailable:
            if usable is None:
                raise
            self.stale_answers += 1
            return usable.record

    def _look_up(self, digest: bytes, question: Callable[[], Record | None], now: float) -> Record | None:
        record = question()
        if record is None:
            with self._lock:
                self._by_digest.pop(digest, None)
        else:
            # The age counts from before the question, so that a slow answer is not taken for a new one.
            self._remember(digest, _Confirmed(record, now))
        return record

    def _remember(self, digest: bytes, confirmed: _Confirmed[Record]) -> None:
        with self._lock:
            known = self._by_digest.pop(digest, confirmed)
            self._by_digest[digest] = confirmed if confirmed.at >= known.at else known
            if len(self._by_digest) > self._most:
                del self._by_digest[next(iter(self._by_digest))]


@dataclass(frozen=True)
class _Confirmed(Generic[Record]):
    record: Record
    at: float
