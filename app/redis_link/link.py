"""Calls of Redis, which may be lost at any time: short timeouts, no repetitions, a breaker. Nothing waits for it."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NoAnswer
from redis.retry import Retry

from app.redis_link.breaker import Breaker
from app.turns import TURNS

CALL_TIMEOUT_SECONDS = 0.05
_SCHEMES = ("redis", "rediss", "unix")

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class RedisUnusable(Exception):
    """REDIS_URL cannot be used. The message is one sentence for the operator and never holds a password."""


class RedisGone(Exception):
    """Redis did not answer in time or at all, or was not asked because it did not answer lately."""


class RedisLink:
    """Calls Redis from any number of threads, and stops calling while it does not answer.

    With redis-py's own defaults one call to a server that hangs takes a minute. Here it takes 50 ms; after one timeout,
    or three failures within ten seconds, calls fail at once but for one a second that looks whether Redis is back.
    The client is made at the first call, so that no process shares its sockets with the one that it was forked from.

    Attributes:
        outages: How often Redis was given up.
        failed_calls: Calls that Redis did not answer, or for which it was not asked.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float = CALL_TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Check the address; nothing is connected yet.

        Raises:
            RedisUnusable: when it is no address of Redis.
        """
        self.outages = self.failed_calls = 0
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._breaker = Breaker(clock)
        self._making = threading.Lock()
        self._made: tuple[int, Redis] | None = None
        self._check_url()

    @property
    def is_given_up(self) -> bool:
        """Whether calls are not made but for those that look whether Redis is back."""
        return self._breaker.is_open

    def call(self, command: Callable[[Redis], Result]) -> Result:
        """Let Redis do something.

        Raises:
            RedisGone: when it does not answer.
        """
        if not self._breaker.lets_through():
            self.failed_calls += 1
            raise RedisGone("Redis did not answer lately.")
        try:
            with TURNS.aside():
                result = command(self._client())
        except RedisError as fault:
            self._record_failure(fault)
            raise RedisGone("Redis did not answer.") from fault
        if self._breaker.record_answer():
            logger.warning("Redis answers again.")
        return result

    def close(self) -> None:
        made, self._made = self._made, None
        if made is not None and made[0] == os.getpid():
            made[1].close()

    def _record_failure(self, fault: RedisError) -> None:
        self.failed_calls += 1
        if self._breaker.record_failure(at_once=isinstance(fault, NoAnswer)):
            self.outages += 1
            # Only the kind of the fault: the text of some repeats the address with its password.
            logger.error(
                "Redis does not answer (%s); each process counts limits and remembers answers by itself meanwhile.",
                _name(fault),
            )

    def _client(self) -> Redis:
        made = self._made
        if made is None or made[0] != os.getpid():
            with self._making:
                made = self._made
                if made is None or made[0] != os.getpid():
                    made = self._made = (os.getpid(), self._make_client())
        return made[1]

    def _make_client(self) -> Redis:
        return Redis.from_url(
            self._url,
            socket_timeout=self._timeout_seconds,
            socket_connect_timeout=self._timeout_seconds,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
        )

    def _check_url(self) -> None:
        scheme = urlsplit(self._url).scheme
        if scheme not in _SCHEMES:
            raise RedisUnusable(f"REDIS_URL has to begin with one of {', '.join(f'{name}://' for name in _SCHEMES)}.")
        try:
            self._make_client().close()
        except (ValueError, TypeError):
            raise RedisUnusable("REDIS_URL is no address such as redis://:password@host:6379/0.") from None


class NoRedis:
    """There is none: nothing is asked."""

    outages = failed_calls = 0

    def call(self, command: Callable[[Redis], Result]) -> Result:  # noqa: ARG002
        raise RedisGone("There is no Redis.")

    def close(self) -> None: ...


def _name(fault: RedisError) -> str:
    if isinstance(fault, NoAnswer):
        return "no answer in time"
    return "no connection" if isinstance(fault, NotConnected) else type(fault).__name__
