"""What callers notice of a Redis that is killed, or stopped, under load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from redis import Redis

from app.redis_link.link import RedisLink
from app.runtime.loading import load_release
from app.serving.cache.caching import CachingExecutor
from app.serving.cache.counts import CacheCounts
from app.serving.cache.digests import RowDigests
from app.serving.cache.flights import Flights
from app.serving.cache.measuring import DEAR, FREE
from app.serving.cache.memory import RowMemory
from app.serving.cache.shared.answers import SharedAnswers
from app.serving.cache.shared.keys import name_release
from app.serving.cache.shared.redis_rows import RedisRows
from app.serving.cache.shared.seal import Seal
from app.serving.cache.worth import Worth
from app.wiring.releases import open_store
from config.settings import load_settings, require_secret
from tests.bench.cache.servers import caching_server, read_count
from tests.bench.load.open_loop import Answer, OpenLoad, open_load
from tests.bench.load.requests import make_requests
from tests.redis_link.server import RedisServer

RATE = 200.0
_SECONDS_TO_SETTLE = 5.0
_NORMAL_SECONDS = 4.0
_OUTAGE_SECONDS = 4.0
_LONGEST_RETURN_SECONDS = 10.0
_OK = 200
UNSIGNED = {"GLUONSERVE_UNSIGNED_RELEASES": "allow"}
# No worker is asked for any of them twice: all are in Redis, and in nobody's memory.
_ROWS = 4000


@dataclass(frozen=True)
class Outage:
    """Latencies of answered requests, in ms.

    Attributes:
        shared_hits: Rows that were found in Redis before.
        normal_p99_ms: Before.
        first_p99_ms: In the first second without Redis.
        later_p99_ms: In the seconds after that.
        back_seconds: From when Redis could answer again to when it was asked and had answers to give.
    """

    kind: str
    requests: int
    failed: int
    shared_hits: int
    normal_p99_ms: float
    first_p99_ms: float
    later_p99_ms: float
    back_seconds: float


def measure_outages(models: Path, rows: Sequence[Any], home: Path) -> list[Outage]:
    return [
        _measure("killed", models, rows, home, RedisServer.kill, RedisServer.start),
        _measure("stopped", models, rows, home, RedisServer.freeze, RedisServer.thaw),
    ]


def _measure(
    kind: str,
    models: Path,
    rows: Sequence[Any],
    home: Path,
    begin: Callable[[RedisServer], None],
    end: Callable[[RedisServer], None],
) -> Outage:
    with RedisServer() as redis:
        settings = {"REDIS_URL": redis.url, "GLUONSERVE_CACHE_MB": "1"}
        with caching_server(home / kind, models, settings) as server:
            requests = make_requests(rows, rows_per_request=1, key=server.key, count=_ROWS)
            fill_redis(redis, models, home / kind, rows[:_ROWS])
            # Measurements of the time when everything started are out of it by then.
            time.sleep(_SECONDS_TO_SETTLE)
            with open_load(server.address, requests, rate=RATE) as load:
                time.sleep(1)
                hits = read_count(models, "shared_hits")
                normal, since = _take_apart(load, _NORMAL_SECONDS), time.perf_counter()
                begin(redis)
                time.sleep(_OUTAGE_SECONDS)
                until = time.perf_counter()
                end(redis)
                back_seconds = _await_use(redis)
                time.sleep(1)
            return _describe(kind, load, normal, since, until, hits=hits, back_seconds=back_seconds)


def fill_redis(redis: RedisServer, models: Path, home: Path, rows: Sequence[Any]) -> None:
    """Have Redis hold the answers to rows, as a worker of the server with this home would have written them."""
    settings = load_settings({"GLUONSERVE_HOME": str(home), "MODEL_PATH": str(models), **UNSIGNED})
    store = open_store(settings)
    pointer = store.active()
    assert pointer is not None, f"nothing is active in {models}"
    release = load_release(store.directory(pointer.version), trust=store.trust)
    link, counts = RedisLink(redis.url, timeout_seconds=5), CacheCounts()
    shared = RedisRows(link, Seal(require_secret(settings)), ttl_seconds=3600, counts=counts)
    shared.work()
    always = Worth("", look=lambda: FREE, model=lambda: DEAR)
    CachingExecutor(
        release.executor,
        RowDigests(release),
        memory=RowMemory(most_bytes=0),
        shared=SharedAnswers(name_release(release.manifest), shared, always),
        worth=always,
        flights=Flights(),
        counts=counts,
    ).predict(release.validator.check(rows).rows)
    shared.work()
    link.close()


def _take_apart(load: OpenLoad, seconds: float) -> list[Answer]:
    """The requests that fall due in the next seconds."""
    begun = time.perf_counter()
    time.sleep(seconds)
    return [answer for answer in load.answers if answer.intended >= begun]


def _await_use(redis: RedisServer) -> float:
    """How long it takes until a row is found in Redis or written there again; what workers measure with is neither."""
    begun = time.perf_counter()
    with redis.connect() as client:
        before = _count_use(client)
        while _count_use(client) == before and time.perf_counter() - begun < _LONGEST_RETURN_SECONDS:
            time.sleep(0.02)
    return time.perf_counter() - begun


def _count_use(client: Redis) -> int:
    return int(client.info("stats")["keyspace_hits"]) + int(client.dbsize())


def _describe(
    kind: str, load: OpenLoad, normal: Sequence[Answer], since: float, until: float, *, hits: int, back_seconds: float
) -> Outage:
    first = [answer for answer in load.answers if since <= answer.intended < since + 1]
    later = [answer for answer in load.answers if since + 1 <= answer.intended < until]
    return Outage(
        kind=kind,
        requests=len(load.answers),
        failed=sum(answer.status != _OK for answer in load.answers),
        shared_hits=hits,
        normal_p99_ms=_find_p99(normal),
        first_p99_ms=_find_p99(first),
        later_p99_ms=_find_p99(later),
        back_seconds=back_seconds,
    )


def _find_p99(answers: Sequence[Answer]) -> float:
    return float(np.percentile(list(_list_latencies(answers)), 99))


def _list_latencies(answers: Sequence[Answer]) -> Iterator[float]:
    return (answer.latency_ms for answer in answers if answer.status == _OK)
