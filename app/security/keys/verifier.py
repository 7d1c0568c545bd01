"""How a presented API key is checked: fast, soon after a revocation, and for a while without a database."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.database import describe_failure
from app.errors import KeysUnavailable, Unauthenticated
from app.security.deadline import BoundedCalls, NoAnswerInTime
from app.security.keys.format import ID_SLICE, KEY_LENGTH, KeyText, read_key_text
from app.security.keys.store import ApiKey, KeyStore

MAX_CACHED_KEYS = 10_000
MAX_LOOKUPS_AT_ONCE = 16
LOOKUP_TIMEOUT_SECONDS = 2.0
PROBE_TIMEOUT_SECONDS = 0.05
SECONDS_BETWEEN_PROBES = 1.0

logger = logging.getLogger(__name__)


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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._cache_seconds = cache_seconds
        self._stale_seconds = stale_seconds
        self._clock = clock
        self._confirmed = _ConfirmedKeys(max_cached_keys)
        self._breaker = _Breaker(clock)
        self._lookups = BoundedCalls(MAX_LOOKUPS_AT_ONCE)
        self.stale_answers = 0

    @property
    def outages(self) -> int:
        return self._breaker.outages

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
            confirmed = self._ask_database(text, key, now, patient=usable is None)
        except (KeysUnavailable, NoAnswerInTime) as fault:
            if usable is None:
                raise _keys_unavailable() from fault
            self.stale_answers += 1
            return usable
        if confirmed is None:
            raise _invalid_key()
        return confirmed

    def _ask_database(self, text: str, key: KeyText, now: float, *, patient: bool) -> _Confirmed | None:
        """Look the key up, within a time that depends on whether the caller has something to fall back to."""
        if not self._breaker.lets_through():
            raise _keys_unavailable()
        seconds = LOOKUP_TIMEOUT_SECONDS if patient or not self._breaker.is_open else PROBE_TIMEOUT_SECONDS
        try:
            return self._lookups.run(lambda: self._look_up(text, key, now), seconds=seconds)
        except (KeysUnavailable, NoAnswerInTime) as fault:
            self._breaker.record_failure(fault)
            raise

    def _look_up(self, text: str, key: KeyText, now: float) -> _Confirmed | None:
        record = self._store.find_by_text(key)
        self._breaker.record_answer()
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


class _Breaker:
    """Knows whether the database answers; while it does not, lets one look-up a second through to see."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._next_probe_at = 0.0
        self.is_open = False
        self.outages = 0

    def lets_through(self) -> bool:
        with self._lock:
            now = self._clock()
            if self.is_open and now < self._next_probe_at:
                return False
            self._next_probe_at = now + SECONDS_BETWEEN_PROBES
            return True

    def record_failure(self, fault: Exception) -> None:
        with self._lock:
            is_news, self.is_open = not self.is_open, True
            self._next_probe_at = self._clock() + SECONDS_BETWEEN_PROBES
            self.outages += is_news
        if is_news:
            reason = describe_failure(fault.__cause__ or fault)
            logger.error("API keys cannot be checked, those known already keep working for a while: %s", reason)

    def record_answer(self) -> None:
        with self._lock:
            is_news, self.is_open = self.is_open, False
        if is_news:
            logger.warning("API keys are checked against the database again")


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _invalid_key() -> Unauthenticated:
    return Unauthenticated("The API key is not valid.")


def _keys_unavailable() -> KeysUnavailable:
    return KeysUnavailable("API keys cannot be checked at the moment; try again in a few seconds.")
