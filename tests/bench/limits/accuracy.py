"""How many requests a limit grants at five times its rate: in memory, in Redis, and when Redis dies meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.limits.servers import limited_server, make_key
from tests.bench.load.open_loop import OpenLoad, open_load
from tests.bench.load.requests import make_requests
from tests.bench.servers.running import BenchServer
from tests.redis_link.server import RedisServer

REQUESTS_PER_MINUTE = 600
TIMES_THE_RATE = 5
WINDOW_SECONDS = 60
_OK, _REFUSED = 200, 429


@dataclass(frozen=True)
class Accuracy:
    """What was granted of what was asked.

    Attributes:
        granted_share: Of what the limit allows in this minute.
        has_outage: Whether Redis was lost meanwhile.
        other_answers: The statuses, or faults, of requests that were neither granted nor refused.
    """

    where: str
    asked: int
    granted: int
    granted_share: float
    has_outage: bool
    other_answers: list[str]


def measure_accuracy(models: Path, rows: Sequence[Any], home: Path) -> list[Accuracy]:
    """Measure the three ways to count, one after the other, a minute each."""
    found = []
    with limited_server(home / "memory", models, {}) as server:
        found.append(_judge("memory", _ask(server, rows, home / "memory"), has_outage=False))
    with RedisServer() as redis, limited_server(home / "redis", models, {"REDIS_URL": redis.url}) as server:
        found.append(_judge("Redis", _ask(server, rows, home / "redis"), has_outage=False))
    with RedisServer() as redis, limited_server(home / "outage", models, {"REDIS_URL": redis.url}) as server:
        load = _ask(server, rows, home / "outage", disturb=lambda: _restart(redis))
        found.append(_judge("Redis, killed and started again empty", load, has_outage=True))
    return found


def _ask(
    server: BenchServer, rows: Sequence[Any], home: Path, *, disturb: Callable[[], None] = lambda: None
) -> OpenLoad:
    """Ask at five times the rate for a minute, with a key that has the limit."""
    key = make_key(home, requests_per_minute=REQUESTS_PER_MINUTE)
    requests = make_requests(rows, rows_per_request=1, key=key, count=50)
    began = time.perf_counter()
    with open_load(server.address, requests, rate=REQUESTS_PER_MINUTE / 60 * TIMES_THE_RATE) as load:
        disturb()
        time.sleep(max(0.0, began + WINDOW_SECONDS - time.perf_counter()))
    return load


def _restart(redis: RedisServer) -> None:
    # When the quota is used up in Redis: all that is granted afterwards is granted twice.
    time.sleep(WINDOW_SECONDS * 0.3)
    redis.kill()
    time.sleep(WINDOW_SECONDS * 0.3)
    redis.start()


def _judge(where: str, load: OpenLoad, *, has_outage: bool) -> Accuracy:
    moments = [answer.received for answer in load.answers if answer.status == _OK]
    # A request that had to wait for its turn until the minute was over belongs to the next one.
    granted = sum(moment <= moments[0] + WINDOW_SECONDS for moment in moments)
    others = sorted(
        {answer.fault or str(answer.status) for answer in load.answers if answer.status not in (_OK, _REFUSED)}
    )
    return Accuracy(where, len(load.answers), granted, granted / REQUESTS_PER_MINUTE, has_outage, others)
