"""What a caller of single rows notices of one that sends large requests without pause, with and without the limit."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from tests.bench.limits.servers import limited_server, make_key
from tests.bench.load.open_loop import Answer, open_load
from tests.bench.load.requests import make_requests
from tests.bench.scope import MANY_ROWS
from tests.bench.servers.running import ROOT, BenchServer

# More than the server has threads: without the limit there is none left for others.
CONNECTIONS = 16
LIGHT_RATE = 20.0
_BEFORE_SECONDS = 2.0
_OK = 200


@dataclass(frozen=True)
class Starvation:
    """The latencies of single rows, and what the other caller got meanwhile."""

    beside: str
    requests: int
    failed: int
    p50_ms: float
    p99_ms: float
    slowest_ms: float
    heavy_answered: int
    heavy_refused: int
    heavy_failed: int


def measure_starvation(models: Path, rows_file: Path, home: Path, *, seconds: float) -> list[Starvation]:
    rows = orjson.loads(rows_file.read_bytes())
    found = []
    for beside, share, is_heavy in (("nobody", "0.5", False), ("limited", "0.5", True), ("unlimited", "1", True)):
        place = home / beside
        with limited_server(place, models, {"GLUONSERVE_KEY_CPU_SHARE": share}) as server:
            found.append(_measure(beside, server, rows, rows_file, place, seconds=seconds, is_heavy=is_heavy))
    return found


def _measure(
    beside: str,
    server: BenchServer,
    rows: Sequence[Any],
    rows_file: Path,
    home: Path,
    *,
    seconds: float,
    is_heavy: bool,
) -> Starvation:
    light = make_requests(rows, rows_per_request=1, key=make_key(home), count=50)
    heavy = _start_heavy(server, rows_file, seconds + 2 * _BEFORE_SECONDS) if is_heavy else None
    time.sleep(_BEFORE_SECONDS)
    with open_load(server.address, light, rate=LIGHT_RATE) as load:
        time.sleep(seconds)
    found = {"answered": 0, "refused": 0, "failed": 0}
    if heavy is not None:
        found = orjson.loads(heavy.communicate()[0])
    return _judge(beside, load.answers, found)


def _start_heavy(server: BenchServer, rows_file: Path, seconds: float) -> subprocess.Popen[bytes]:
    arguments = (*server.address, server.key, rows_file, MANY_ROWS, CONNECTIONS, seconds)
    command = [sys.executable, "-m", "tests.bench.limits.heavy_caller", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def _judge(beside: str, answers: Sequence[Answer], heavy: dict[str, int]) -> Starvation:
    latencies = [answer.latency_ms for answer in answers]
    return Starvation(
        beside=beside,
        requests=len(answers),
        failed=sum(answer.status != _OK for answer in answers),
        p50_ms=float(np.percentile(latencies, 50)),
        p99_ms=float(np.percentile(latencies, 99)),
        slowest_ms=max(latencies),
        heavy_answered=heavy["answered"],
        heavy_refused=heavy["refused"],
        heavy_failed=heavy["failed"],
    )
