"""How a presented API key is checked: fast, soon after a revocation, and for a while without a database."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.errors import KeysUnavailable, Unauthenticated
from app.security.keys.format import KEY_LENGTH, KeyText, read_key_text
from app.security.keys.store import ApiKey, KeyStore
from app.security.lookups import Lookups

MAX_CACHED_KEYS = 10_000


class KeyVerifier:
    """Checks the keys of requests, from any number of threads.

    A key that the database confirmed is taken from memory for `cache_seconds`, which bounds how long a revocation goes
    unseen. While the database does not answer, a key confirmed within `stale_seconds` stays good and any other is
    KeysUnavailable; `outages` and `stale_answers` count both. Only who showed the whole secret is answered from memory,
    so that the time of an answer tells a guesser nothing.
    """

    def __init__(
        self,
        store: KeyStore,
        *,
        cache_seconds: float = 0.5,
        stale_seconds: float = 300.0,
        max_cached_keys: int = MAX_CACHED_KEYS,
        lookups: Lookups | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._cache_seconds = cache_seconds
        self._stale_seconds = stale_seconds
        self._clock = clock
        self._confirmed = _ConfirmedKeys(max_cached_keys)
        self._lookups = lookups or Lookups(clock=clock)
        self.stale_answers = 0

    @property
    def outages(self) -> int:
        return self._lookups.outages

    def verify(self, text: str | None) -> ApiKey:
        """Return the valid key that the text is.

        Raises:
            Unauthenticated: when there is no text, and in one and the same way for every kind of bad key.
            KeysUnavailable: when the database does not answer and the key was not confirmed lately.
        """
        if not text:
            raise Unauthenticated("Send an API key in the X-API-Key header.", code="missing_api_key")
        if len(text) != KEY_LENGTH or not text.isascii():
            raise _invalid_key()
        now = self._clock()
        digest = hashlib.sha256(text.encode()).digest()
        confirmed = self._confirmed.get(digest)
        if confirmed is None or now - confirmed.at >= self._cache_seconds:
            confirmed = self._confirm_again(text, digest, confirmed, now)
        if confirmed.record.state_at(self._store.now()) != "active":
            raise _invalid_key()
        return confirmed.record

    def _confirm_again(self, text: str, digest: bytes, earlier: _Confirmed | None, now: float) -> _Confirmed:
        key = read_key_text(text)
        if key is None:
            raise _invalid_key()
        usable = earlier if earlier is not None and now - earlier.at <= self._stale_seconds else None
        try:
            confirmed = self._lookups.ask(lambda: self._look_up(key, digest, now), patient=usable is None)
        except KeysUnavailable:
            if usable is None:
                raise
            self.stale_answers += 1
            return usable
        if confirmed is None:
            raise _invalid_key()
        return confirmed

    def _look_up(self, key: KeyText, digest: bytes, now: float) -> _Confirmed | None:
        record = self._store.find_by_text(key)
        if record is None:
            self._confirmed.forget(digest)
            return None
        # The age counts from before the question, so that a slow answer is not taken for a new one.
        return self._confirmed.remember(digest, _Confirmed(record, now))


@dataclass(frozen=True)
class _Confirmed:
    record: ApiKey
    at: float


class _ConfirmedKeys:
    """The keys whose whole text has been shown and was right, by its SHA-256; revoked ones too, so that they stay so.

    Not by their ids: to find one and then compare the rest takes longer for an id that is in use than for any other.
    """

    def __init__(self, max_keys: int) -> None:
        self._max_keys = max_keys
        self._by_digest: dict[bytes, _Confirmed] = {}
        self._lock = threading.Lock()

    def get(self, digest: bytes) -> _Confirmed | None:
        # Without the lock: reading one item of a dict is atomic, and items are never changed.
        return self._by_digest.get(digest)

    def remember(self, digest: bytes, confirmed: _Confirmed) -> _Confirmed:
        with self._lock:
            known = self._by_digest.pop(digest, confirmed)
            self._by_digest[digest] = confirmed if confirmed.at >= known.at else known
            if len(self._by_digest) > self._max_keys:
                del self._by_digest[next(iter(self._by_digest))]
        return confirmed

    def forget(self, digest: bytes) -> None:
        with self._lock:
            self._by_digest.pop(digest, None)


def _invalid_key() -> Unauthenticated:
    return Unauthenticated("The API key is not valid.")
