"""What is remembered where, and having it forgotten: for whoever runs the installation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from redis import Redis

from app.errors import Unavailable
from app.redis_link.link import NoRedis, RedisGone, RedisLink
from app.runtime.switching.workers import list_live_workers
from app.serving.cache.clearing import order_clearing
from app.serving.cache.counts import CacheUse, add_up_use
from app.serving.cache.shared.keys import list_keys, read_release, remove_keys

Result = TypeVar("Result")


@dataclass(frozen=True)
class RememberingWorker:
    """A living worker and what it remembers, a few seconds ago."""

    name: str
    rows: int
    bytes: int
    use: CacheUse


@dataclass(frozen=True)
class CacheStatistics:
    """All that is remembered.

    Attributes:
        shared: Rows in Redis by `name:version`; None without Redis.
        use: Of all workers, each since it began.
    """

    shared: Mapping[str, int] | None
    workers: list[RememberingWorker]
    use: CacheUse


class CacheAdministration:
    """Args: store: The model store, beside which workers say what they remember and are told to forget."""

    def __init__(self, store: Path, redis: RedisLink | NoRedis) -> None:
        self._store = store
        self._redis = redis

    def describe(self) -> CacheStatistics:
        """
        Raises:
            Unavailable: when there is a Redis that does not answer.
        """
        known = [state for state in list_live_workers(self._store).values() if state.cache is not None]
        workers = [
            RememberingWorker(state.name, state.cache["rows"], state.cache["bytes"], add_up_use([state.cache]))
            for state in known
            if state.cache is not None
        ]
        shared = None if isinstance(self._redis, NoRedis) else self._ask(_count_rows)
        return CacheStatistics(shared, workers, add_up_use(state.cache or {} for state in known))

    def clear(self, pattern: str) -> int | None:
        """Have all answers forgotten of the releases whose `name:version` a pattern fits.

        Returns:
            How many there were in Redis; None without Redis. Workers follow within a tenth of a second.

        Raises:
            Unavailable: when there is a Redis that does not answer; nothing is forgotten then.
        """
        removed = None
        if not isinstance(self._redis, NoRedis):
            # Before the workers: they would find the answers there again.
            removed = self._ask(lambda client: remove_keys(client, pattern))
        order_clearing(self._store, pattern)
        return removed

    def _ask(self, command: Callable[[Redis], Result]) -> Result:
        try:
            return self._redis.call(command)
        except RedisGone as fault:
            raise Unavailable("Redis does not answer.") from fault


def _count_rows(client: Redis) -> Mapping[str, int]:
    return Counter(read_release(key) for key in list_keys(client))
