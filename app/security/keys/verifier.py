"""How a presented API key is checked: fast, soon after a revocation, and for a while without a database."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.errors import KeysUnavailable, Unauthenticated
from app.security.keys.format import ID_SLICE, KEY_LENGTH, KeyText, read_key_text
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
        confirmed = self._confirmed.get(text)
        if confirmed is None or now - confirmed.at >= self._cache_seconds:
            confirmed = self._confirm_again(text, confirmed, now)
        if confirmed.record.state_at(self._store.now()) != "active":
            raise _invalid_key()
        return confirmed.record

    def _confirm_again(self, text: str, earlier: _Confirmed | None, now: float) -> _Confirmed:
        key = read_key_text(text)
        if key is None:
            raise _invalid_key()
        usable = earlier if earlier is not None and now - earlier.at <= self._stale_seconds else None
        try:
            confirmed = self._lookups.ask(lambda: self._look_up(text, key, now), patient=usable is None)
        except KeysUnavailable:
            if usable is None:
                raise
            self.stale_answers += 1
            return usable
        if confirmed is None:
            raise _invalid_key()
        return confirmed

    def _look_up(self, text: str, key: KeyText, now: float) -> _Confirmed | None:
        record = self._store.find_by_text(key)
        if record is None:
            self._confirmed.forget(text)
            return None
        # The age counts from before the question, so that a slow answer is not taken for a new one.
        return self._confirmed.remember(text, record, now)


@dataclass(frozen=True)
class _Confirmed:
    record: ApiKey
    text_sha256: bytes
    at: float


class _ConfirmedKeys:
    """The keys whose secret has been shown and was right, by id; also the revoked ones, so that they stay revoked."""

    def __init__(self, max_keys: int) -> None:
        self._max_keys = max_keys
        self._by_id: dict[str, _Confirmed] = {}
        self._lock = threading.Lock()

    def get(self, text: str) -> _Confirmed | None:
        # Without the lock: reading one item of a dict is atomic, and items are never changed.
        confirmed = self._by_id.get(text[ID_SLICE])
        if confirmed is None:
            return None
        return confirmed if hmac.compare_digest(_sha256(text), confirmed.text_sha256) else None

    def remember(self, text: str, record: ApiKey, at: float) -> _Confirmed:
        confirmed = _Confirmed(record, _sha256(text), at)
        with self._lock:
            known = self._by_id.pop(record.id, confirmed)
            self._by_id[record.id] = confirmed if confirmed.at >= known.at else known
            if len(self._by_id) > self._max_keys:
                del self._by_id[next(iter(self._by_id))]
        return confirmed

    def forget(self, text: str) -> None:
        with self._lock:
            if self.get(text) is not None:
                del self._by_id[text[ID_SLICE]]


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _invalid_key() -> Unauthenticated:
    return Unauthenticated("The API key is not valid.")
