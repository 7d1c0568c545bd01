"""What a row takes that is known, beside the same row computed anew by the same server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from tests.bench.cache.servers import caching_server
from tests.bench.load.client import generate_load
from tests.bench.load.requests import frame_request

_COMPUTED_ANEW = "Cache-Control: no-cache\r\n"


@dataclass(frozen=True)
class Speed:
    """Medians over the rounds; both ways take turns, so that both see the same machine.

    Attributes:
        times_as_fast: How many times as long the middle request takes that is computed.
        times_the_throughput: How many times as many known rows are answered in a second.
        other_answers: Requests that were not answered with 200.
    """

    execution: str
    concurrency: int
    known_p50_ms: float
    computed_p50_ms: float
    times_as_fast: float
    times_the_throughput: float
    other_answers: int


def measure_speed(
    models: Path, rows: Sequence[Any], home: Path, *, is_native: bool, seconds: float, rounds: int
) -> list[Speed]:
    with caching_server(home, models, {}, is_native=is_native) as server:
        body = orjson.dumps({"data": rows[:1]})
        known = [frame_request(body, server.key)]
        computed = [frame_request(body, server.key, headers=_COMPUTED_ANEW)]
        return [
            _measure(server.address, known, computed, concurrency, is_native=is_native, seconds=seconds, rounds=rounds)
            for concurrency in (1, 8)
        ]


def _measure(
    address: tuple[str, int],
    known: Sequence[bytes],
    computed: Sequence[bytes],
    concurrency: int,
    *,
    is_native: bool,
    seconds: float,
    rounds: int,
) -> Speed:
    results = []
    for _ in range(rounds):
        pair = [
            generate_load(address, requests, concurrency=concurrency, seconds=seconds) for requests in (known, computed)
        ]
        results.append(pair)
    middles = [[median(one.latencies_ms) for one in pair] for pair in results]
    rates = [[len(one.latencies_ms) / one.seconds for one in pair] for pair in results]
    return Speed(
        execution="native" if is_native else "plan",
        concurrency=concurrency,
        known_p50_ms=median(known for known, _ in middles),
        computed_p50_ms=median(computed for _, computed in middles),
        times_as_fast=median(computed / known for known, computed in middles),
        times_the_throughput=median(known / computed for known, computed in rates),
        other_answers=sum(len(one.faults) for pair in results for one in pair),
    )
