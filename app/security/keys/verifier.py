"""How a presented API key is checked: fast, soon after a revocation, and for a while without a database."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import partial

from app.errors import Unauthenticated
from app.security.confirmed import Confirmations
from app.security.keys.format import KEY_LENGTH, read_key_text
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
        self._lookups = lookups or Lookups(clock=clock)
        # Revoked ones too, so that they stay so.
        self._confirmed: Confirmations[ApiKey] = Confirmations(
            self._lookups, cache_seconds=cache_seconds, stale_seconds=stale_seconds, most=max_cached_keys, clock=clock
        )

    @property
    def stale_answers(self) -> int:
        return self._confirmed.stale_answers

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
        digest = hashlib.sha256(text.encode()).digest()
        record = self._confirmed.find(digest, lambda _: self._prepare(text))
        if record is None or record.state_at(self._store.now()) != "active":
            raise _invalid_key()
        return record

    def _prepare(self, text: str) -> Callable[[], ApiKey | None]:
        key = read_key_text(text)
        if key is None:
            raise _invalid_key()
        return partial(self._store.find_by_text, key)


def _invalid_key() -> Unauthenticated:
    return Unauthenticated("The API key is not valid.")
