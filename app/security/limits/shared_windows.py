"""Counters of quotas that all workers share: in Redis, with what each process counts by itself to fall back to."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from limits.storage import RedisStorage
from redis import Redis
from redis.exceptions import NoScriptError

from app.redis_link.link import RedisGone, RedisLink
from app.security.limits.windows import Counts, Decision, Quota, Windows

_PREFIX = "gluonserve:limits"
_ACQUIRE = RedisStorage.SCRIPT_ACQUIRE_SLIDING_WINDOW
_LOOK = RedisStorage.SCRIPT_SLIDING_WINDOW


class RedisWindows:
    """The sliding window of the library limits, by its own scripts; granting and looking take one round trip."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._acquire_sha = self._look_sha = ""

    def take(self, owner: str, quota: Quota, cost: int) -> Decision:
        """Use units if they are there.

        Raises:
            RedisGone: when Redis does not answer.
        """
        granted, window = self._link.call(lambda client: self._run(client, owner, quota, cost))
        previous, _, current, current_milliseconds = (int(value or 0) for value in window)
        # Redis keeps a counter for two windows: the current one, and as the previous one.
        left = max(0.0, current_milliseconds / 1000 - quota.window_seconds)
        return Decision(quota, cost, bool(granted), Counts(previous, current, left or float(quota.window_seconds)))

    def _run(self, client: Redis, owner: str, quota: Quota, cost: int) -> list[Any]:
        try:
            return self._ask(client, owner, quota, cost)
        except NoScriptError:
            # At the first call, and after a restart of Redis.
            self._acquire_sha = str(client.script_load(_ACQUIRE))
            self._look_sha = str(client.script_load(_LOOK))
            return self._ask(client, owner, quota, cost)

    def _ask(self, client: Redis, owner: str, quota: Quota, cost: int) -> list[Any]:
        current = f"{_PREFIX}:{{{owner}:{quota.name}}}"
        keys = (f"{current}/-1", current)
        pipeline = client.pipeline(transaction=False)
        pipeline.evalsha(self._acquire_sha, len(keys), *keys, quota.amount, quota.window_seconds, cost)
        pipeline.evalsha(self._look_sha, len(keys), *keys, quota.window_seconds)
        return list(pipeline.execute())


class SharedWindows:
    """Counts in Redis for all workers together, and in this process as well.

    Fallback: while Redis does not answer, each of the workers grants its part of the quota, less what it has granted
    already; `local_decisions` counts that, and the link logs once that Redis is gone. For one window after that Redis
    has to grant and the process too: it may have come back empty. So whatever Redis does, a quota is not granted anew.
    """

    def __init__(
        self, shared: Windows, local: Windows, *, workers: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.local_decisions = 0
        self._shared = shared
        self._local = DividedWindows(local, workers=workers)
        self._clock = clock
        self._lost_at = -math.inf

    def take(self, owner: str, quota: Quota, cost: int) -> Decision:
        try:
            decision = self._shared.take(owner, quota, cost)
        except RedisGone:
            self._lost_at = self._clock()
            self.local_decisions += 1
            return self._local.take(owner, quota, cost)
        if not decision.is_granted:
            return decision
        by_itself = self._local.take(owner, quota, cost)
        has_forgotten = self._clock() - self._lost_at < quota.window_seconds
        return by_itself if has_forgotten and not by_itself.is_granted else decision


class DividedWindows:
    """Grants of every quota the part of one worker, where workers cannot count together."""

    def __init__(self, windows: Windows, *, workers: int) -> None:
        self._windows = windows
        self._workers = workers

    def take(self, owner: str, quota: Quota, cost: int) -> Decision:
        # Rounded down, so that all together never exceed the quota, but never nothing.
        part = Quota(quota.name, max(1, quota.amount // self._workers), quota.window_seconds)
        decision = self._windows.take(owner, part, cost)
        return Decision(part, cost, decision.is_granted, decision.counts, self._workers)
