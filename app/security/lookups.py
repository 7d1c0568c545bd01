"""How credentials are looked up in the database: bounded in time, and hardly at all while it does not answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine

from app.database import DATABASE_FAILURES, describe_failure
from app.errors import KeysUnavailable
from app.security.deadline import BoundedCalls, NoAnswerInTime

MAX_LOOKUPS_AT_ONCE = 16
LOOKUP_TIMEOUT_SECONDS = 2.0
PROBE_TIMEOUT_SECONDS = 0.05
SECONDS_BETWEEN_PROBES = 1.0

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class Lookups:
    """Asks the database, from any number of threads. While it does not answer, one question a second gets through."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._breaker = _Breaker(clock)
        self._calls = BoundedCalls(MAX_LOOKUPS_AT_ONCE)

    @property
    def outages(self) -> int:
        return self._breaker.outages

    def ask(self, question: Callable[[], Answer], *, patient: bool) -> Answer:
        """Return the answer to a question, which may come to its end on its thread later than anybody waits for it.

        Args:
            patient: The asker has nothing to fall back to and waits also while the database is out.

        Raises:
            KeysUnavailable: when the database does not answer, or did not lately.
        """
        if not self._breaker.lets_through():
            raise keys_unavailable()
        seconds = LOOKUP_TIMEOUT_SECONDS if patient or not self._breaker.is_open else PROBE_TIMEOUT_SECONDS
        try:
            return self._calls.run(lambda: self._ask_now(question), seconds=seconds)
        except (KeysUnavailable, NoAnswerInTime) as fault:
            self._breaker.record_failure(fault)
            raise keys_unavailable() from fault

    def _ask_now(self, question: Callable[[], Answer]) -> Answer:
        answer = question()
        self._breaker.record_answer()
        return answer


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


def keys_unavailable() -> KeysUnavailable:
    return KeysUnavailable("API keys cannot be checked at the moment; try again in a few seconds.")


@contextmanager
def open_transaction(engine: Engine) -> Iterator[Connection]:
    """Work on the database of credentials.

    Raises:
        KeysUnavailable: when it does not answer.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except DATABASE_FAILURES as fault:
        raise keys_unavailable() from fault
