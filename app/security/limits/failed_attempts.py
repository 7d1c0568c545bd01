"""Addresses that send wrong credentials: after so many a minute they are refused before anything is looked up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from app.errors import RateLimited, Unauthenticated
from app.security.authentication import Authenticator, Caller, Credentials
from app.security.limits.windows import Quota, Windows

_MAX_REMEMBERED = 10_000
_NOTHING_SENT = "missing_api_key"


class AddressLimitedAuthenticator:
    """Authenticates, and counts per address what failed.

    An address above the limit is refused with 429, so that guessing costs neither a look-up nor an answer that tells
    right from wrong. Credentials that were good before go on from there: one guesser must not lock out the others
    behind the same proxy. A request without any credential is no guess and does not count.

    Attributes:
        refusals: Requests that were refused unseen.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        windows: Windows,
        *,
        failures_per_minute: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.refusals = 0
        self._authenticator = authenticator
        self._windows = windows
        self._quota = Quota("failed_attempts", failures_per_minute)
        self._clock = clock
        self._lock = threading.Lock()
        self._refused_until: dict[str, float] = {}
        self._known_good: dict[int, None] = {}

    def authenticate(self, credentials: Credentials) -> Caller:
        """Return the caller, as the authenticator behind does.

        Raises:
            RateLimited: when the address has failed too often.
        """
        address = credentials.address or ""
        # Python's hash of text is keyed anew in every process: nobody can make one credential pass for another.
        fingerprint = hash((credentials.api_key, credentials.authorization, credentials.session))
        if address in self._refused_until and fingerprint not in self._known_good:
            self._refuse_for_now(address)
        try:
            caller = self._authenticator.authenticate(credentials)
        except Unauthenticated as fault:
            if fault.code != _NOTHING_SENT:
                self._note_failure(address)
            raise
        if fingerprint not in self._known_good:
            self._remember(self._known_good, fingerprint, None)
        return caller

    def _refuse_for_now(self, address: str) -> None:
        seconds = self._refused_until.get(address, 0.0) - self._clock()
        if seconds > 0:
            self.refusals += 1
            raise RateLimited(
                "Too many wrong credentials came from this address.",
                retry_after_seconds=int(seconds) + 1,
                limit="failed_attempts",
            )
        with self._lock:
            self._refused_until.pop(address, None)

    def _note_failure(self, address: str) -> None:
        decision = self._windows.take(address, self._quota, 1)
        if not decision.remaining:
            self._remember(self._refused_until, address, self._clock() + max(1, decision.seconds_until_more))

    def _remember(self, place: dict[Any, Any], name: object, value: object) -> None:
        with self._lock:
            place[name] = value
            if len(place) > _MAX_REMEMBERED:
                del place[next(iter(place))]
