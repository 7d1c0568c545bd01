"""What callers notice of a Redis that is killed, or stopped, under load.

The machine has its own moments, so each round has three stretches of the same length: two without a fault, which tell
how much two of them differ by themselves, and one with it. The load is low enough to leave the machine idle most of the
time: waiting for a processor would be the longest wait of all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from redis import Redis

from tests.bench.cache.filling import fill_redis, read_all, write_all
from tests.bench.cache.servers import caching_server
from tests.bench.load.open_loop import OpenLoad, open_load
from tests.bench.load.requests import make_requests
from tests.redis_link.server import RedisServer

RATE = 80.0
# No worker is asked for any of them twice: all are in Redis, and in nobody's memory.
ROWS = 7000
_SECONDS_TO_SETTLE = 5.0
_SECONDS_BETWEEN_ROUNDS = 3.0
_LATER_SECONDS = 3.0
_STRAGGLERS_SECONDS = 0.3
_LONGEST_RETURN_SECONDS = 10.0
_OK = 200


@dataclass(frozen=True)
class Stretch:
    """p99 of the answered requests, in ms, of a second and of the seconds after it."""

    first: float
    later: float


@dataclass(frozen=True)
class Round:
    """Attributes: found: The share of the requests before the fault whose row was found in Redis."""

    usual: Stretch
    control: Stretch
    faulty: Stretch
    found: float
    back_seconds: float


@dataclass(frozen=True)
class Outage:
    """What came of several outages of one kind.

    Attributes:
        requests, failed: From the first round to the last.
    """

    kind: str
    requests: int
    failed: int
    rounds: list[Round] = field(repr=False)

    @property
    def found(self) -> float:
        return min(one.found for one in self.rounds)

    @property
    def slowest_return_seconds(self) -> float:
        """From when Redis could answer again to when it was asked and had answers to give."""
        return max(one.back_seconds for one in self.rounds)

    def measure(self, stretch: str, part: str) -> float:
        return median(_read(one, stretch, part) for one in self.rounds)

    def compare(self, stretch: str, part: str) -> float:
        """By how much p99 is above that of the same round without a fault; the median of the rounds."""
        return median(_read(one, stretch, part) - _read(one, "usual", part) for one in self.rounds)


def _read(one: Round, stretch: str, part: str) -> float:
    value: float = getattr(getattr(one, stretch), part)
    return value


def measure_outages(models: Path, rows: Sequence[Any], home: Path, *, rounds: int) -> list[Outage]:
    return [
        _measure("killed", models, rows, home, RedisServer.kill, RedisServer.start, rounds=rounds),
        _measure("stopped", models, rows, home, RedisServer.freeze, RedisServer.thaw, rounds=rounds),
    ]


def _measure(
    kind: str,
    models: Path,
    rows: Sequence[Any],
    home: Path,
    begin: Callable[[RedisServer], None],
    end: Callable[[RedisServer], None],
    *,
    rounds: int,
) -> Outage:
    with RedisServer() as redis:
        settings = {"REDIS_URL": redis.url, "GLUONSERVE_CACHE_MB": "1"}
        with caching_server(home / kind, models, settings) as server:
            requests = make_requests(rows, rows_per_request=1, key=server.key, count=ROWS)
            fill_redis(redis, models, home / kind, rows[:ROWS])
            kept = read_all(redis)
            # Measurements of the time when everything started are out of it by then.
            time.sleep(_SECONDS_TO_SETTLE)
            found = []
            with open_load(server.address, requests, rate=RATE) as load:
                for _ in range(rounds):
                    time.sleep(_SECONDS_BETWEEN_ROUNDS)
                    found.append(_measure_round(load, redis, begin, end))
                    write_all(redis, kept)
    return Outage(kind, len(load.answers), sum(answer.status != _OK for answer in load.answers), found)


def _measure_round(
    load: OpenLoad,
    redis: RedisServer,
    begin: Callable[[RedisServer], None],
    end: Callable[[RedisServer], None],
) -> Round:
    with redis.connect() as client:
        hits, answered = _count_hits(client), len(load.answers)
        usual, control = _watch(load), _watch(load)
        found = (_count_hits(client) - hits) / (len(load.answers) - answered)
    faulty = _watch(load, lambda: begin(redis))
    end(redis)
    return Round(usual, control, faulty, found=found, back_seconds=_await_use(redis))


def _watch(load: OpenLoad, begin: Callable[[], None] = lambda: None) -> Stretch:
    """What requests take that fall due from now on."""
    begun = time.perf_counter()
    begin()
    ended = begun + 1 + _LATER_SECONDS
    time.sleep(ended + _STRAGGLERS_SECONDS - time.perf_counter())
    return Stretch(_find_p99(load, begun, begun + 1), _find_p99(load, begun + 1, ended))


def _find_p99(load: OpenLoad, since: float, until: float) -> float:
    latencies = [
        answer.latency_ms for answer in load.answers if answer.status == _OK and since <= answer.intended < until
    ]
    return float(np.percentile(latencies, 99))


def _await_use(redis: RedisServer) -> float:
    """How long it takes until a row is found in Redis or written there again; what workers measure with is neither."""
    begun = time.perf_counter()
    with redis.connect() as client:
        before = _count_use(client)
        while _count_use(client) == before and time.perf_counter() - begun < _LONGEST_RETURN_SECONDS:
            time.sleep(0.02)
    return time.perf_counter() - begun


def _count_use(client: Redis) -> int:
    return _count_hits(client) + int(client.dbsize())


def _count_hits(client: Redis) -> int:
    return int(client.info("stats")["keyspace_hits"])
