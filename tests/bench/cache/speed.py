"""What a row takes that is known, beside the same row computed anew by the same server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from tests.bench.cache.servers import caching_server
from tests.bench.load.client import generate_load
from tests.bench.load.requests import frame_request
from tests.bench.load.wrk import run_wrk, write_rows
from tests.bench.servers.running import BenchServer

WRK, OURS = "wrk", "python"
_ANEW = {"Cache-Control": "no-cache"}
_LOADS = ((WRK, 1), (WRK, 8), (OURS, 8))


@dataclass(frozen=True)
class Speed:
    """Medians over the rounds; both ways take turns, so that both see the same machine.

    Attributes:
        client: What made the load. Ours is written in Python and takes of the processors that it shares with the
            server; wrk takes little of them.
        times_as_fast: How many times as long the middle request takes that is computed.
        times_the_throughput: How many times as many known rows are answered in a second.
        other_answers: Requests that were not answered with 200.
    """

    execution: str
    client: str
    concurrency: int
    known_p50_ms: float
    computed_p50_ms: float
    times_as_fast: float
    times_the_throughput: float
    other_answers: int


@dataclass(frozen=True)
class _Asked:
    p50_ms: float
    per_second: float
    refused: int


def measure_speed(
    models: Path, rows: Sequence[Any], home: Path, *, is_native: bool, seconds: int, rounds: int
) -> list[Speed]:
    with caching_server(home, models, {}, is_native=is_native) as server:
        row = write_rows(home / "row.jsonl", rows[:1])
        return [
            _measure(server, row, client, concurrency, is_native=is_native, seconds=seconds, rounds=rounds)
            for client, concurrency in _LOADS
        ]


def _measure(
    server: BenchServer, row: Path, client: str, concurrency: int, *, is_native: bool, seconds: int, rounds: int
) -> Speed:
    ask: Callable[..., _Asked] = _ask_by_wrk if client == WRK else _ask_by_ours
    pairs = [
        (
            ask(server, row, concurrency, seconds, is_anew=False),
            ask(server, row, concurrency, seconds, is_anew=True),
        )
        for _ in range(rounds)
    ]
    return Speed(
        execution="native" if is_native else "plan",
        client=client,
        concurrency=concurrency,
        known_p50_ms=median(known.p50_ms for known, _ in pairs),
        computed_p50_ms=median(computed.p50_ms for _, computed in pairs),
        times_as_fast=median(computed.p50_ms / known.p50_ms for known, computed in pairs),
        times_the_throughput=median(known.per_second / computed.per_second for known, computed in pairs),
        other_answers=sum(one.refused for pair in pairs for one in pair),
    )


def _ask_by_wrk(server: BenchServer, row: Path, concurrency: int, seconds: int, *, is_anew: bool) -> _Asked:
    headers = _ANEW if is_anew else {}
    told = run_wrk(server.address, row, key=server.key, concurrency=concurrency, seconds=seconds, headers=headers)
    return _Asked(told.p50_ms, told.per_second, told.refused)


def _ask_by_ours(server: BenchServer, row: Path, concurrency: int, seconds: int, *, is_anew: bool) -> _Asked:
    headers = "".join(f"{name}: {value}\r\n" for name, value in (_ANEW if is_anew else {}).items())
    body = orjson.dumps({"data": [orjson.loads(row.read_bytes())]})
    request = frame_request(body, server.key, headers=headers)
    load = generate_load(server.address, [request], concurrency=concurrency, seconds=seconds)
    return _Asked(median(load.latencies_ms), len(load.latencies_ms) / load.seconds, len(load.faults))
