"""`python deploy/sizing/capacity.py --requests 1000`: how many machines of which size answer so many requests a second.

What a request costs was measured by `python -m tests.bench.sizing` and lies in measured.json beside this; --cpu-ms and
--worker-mb take the place of it for a model of one's own. docs/deploy/sizing.md says how to measure that.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).with_name("measured.json")
# Of the processors' time. Beyond it requests wait for each other in bursts, and a machine that fails leaves no room.
MOST_USED_SHARE = 0.6
SYSTEM_MB = 1000
WATCHER_MB = 250
# Then a worker asks the database for it again: a key that is revoked ends within a second.
SECONDS_A_KEY_IS_BELIEVED = 0.5
_SECONDS_PER_DAY = 86_400
_BITS = 8


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one request costs, counted.

    Attributes:
        cpu_ms: Of the server with all of its processes.
        nginx_cpu_ms, redis_cpu_ms, watcher_cpu_ms: Of what stands in front of it, of what its workers share, and of
            what reads its log.
        log_bytes: In the prediction log.
    """

    rows: int
    cpu_ms: float
    nginx_cpu_ms: float
    redis_cpu_ms: float
    watcher_cpu_ms: float
    request_bytes: float
    answer_bytes: float
    log_bytes: float
    worker_mb: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An installation for so many requests a second. Bytes are powers of ten."""

    requests: float
    busy_cores: float
    cores: float
    machines: int
    cores_of_a_machine: int
    workers: int
    machine_gb: float
    log_gb_a_day: float
    network_mbit: float
    redis_share: float
    redis_servers: int
    watcher_share: float
    database_questions: float


def read_request(rows: int, execution: str, measured: Path = MEASURED) -> Request:
    """The measured cost of a request with so many rows; between two measured sizes, on the straight line."""
    document = json.loads(measured.read_text(encoding="utf-8"))
    costs = document[execution]["requests"]
    names = ("cpu_ms", "request_bytes", "answer_bytes", "log_bytes")
    values = {name: interpolate([(cost["rows"], cost[name]) for cost in costs], rows) for name in names}
    beside = {name: document[name] for name in ("nginx_cpu_ms", "redis_cpu_ms", "watcher_cpu_ms")}
    return Request(rows=rows, worker_mb=document[execution]["worker_mb"], **values, **beside)


def interpolate(points: Sequence[tuple[float, float]], at: float) -> float:
    """On the straight line between two neighbours, or on that of the last two beyond them."""
    points = sorted(points)
    right = next((place for place, (x, _) in enumerate(points) if x >= at), len(points) - 1)
    (x0, y0), (x1, y1) = points[max(0, right - 1)], points[max(1, right)]
    return y0 + (y1 - y0) * (at - x0) / (x1 - x0)


def plan(request: Request, *, requests: float, cores_of_a_machine: int, keys: int) -> Plan:
    """Cores so that 60 % are used with one machine away, and what goes with them."""
    busy = requests * (request.cpu_ms + request.nginx_cpu_ms + request.watcher_cpu_ms) / 1000
    cores = busy / MOST_USED_SHARE
    # One more than are needed: any one may fail, or be upgraded.
    machines = math.ceil(cores / cores_of_a_machine) + 1
    redis = requests * request.redis_cpu_ms / 1000
    workers = machines * cores_of_a_machine
    return Plan(
        requests=requests,
        busy_cores=busy,
        cores=cores,
        machines=machines,
        cores_of_a_machine=cores_of_a_machine,
        workers=workers,
        machine_gb=(cores_of_a_machine * request.worker_mb + WATCHER_MB + SYSTEM_MB) / 1000,
        log_gb_a_day=requests * request.log_bytes * _SECONDS_PER_DAY / 1e9,
        network_mbit=requests * (request.request_bytes + request.answer_bytes) * _BITS / 1e6,
        redis_share=redis,
        # Redis answers in one thread.
        redis_servers=max(1, math.ceil(redis / MOST_USED_SHARE)),
        # One watches each machine, also when another machine is away.
        watcher_share=requests / max(1, machines - 1) * request.watcher_cpu_ms / 1000,
        database_questions=min(requests, workers * keys / SECONDS_A_KEY_IS_BELIEVED),
    )


def render(request: Request, found: Plan) -> Iterator[str]:
    """Each figure with its arithmetic."""
    spent = f"server {request.cpu_ms:.2f} + nginx {request.nginx_cpu_ms:.2f} + watcher {request.watcher_cpu_ms:.2f} ms"
    yield f"busy cores       {found.requests:g}/s x ({spent}) = {found.busy_cores:.2f}"
    yield f"cores            {found.busy_cores:.2f} / {MOST_USED_SHARE:g} = {found.cores:.1f}"
    yield (
        f"machines         {found.cores:.1f} / {found.cores_of_a_machine} cores, rounded up, and one more = "
        f"{found.machines}, with {found.workers} workers"
    )
    yield (
        f"memory of each   {found.cores_of_a_machine} x {request.worker_mb:.0f} MB + watcher {WATCHER_MB} MB + system "
        f"{SYSTEM_MB} MB = {found.machine_gb:.1f} GB"
    )
    yield (
        f"prediction log   {found.requests:g}/s x {request.log_bytes:.0f} bytes x {_SECONDS_PER_DAY} s = "
        f"{found.log_gb_a_day:.2f} GB a day, of all machines"
    )
    yield (
        f"network          {found.requests:g}/s x ({request.request_bytes:.0f} + {request.answer_bytes:.0f} bytes) x "
        f"{_BITS} = {found.network_mbit:.1f} Mbit/s"
    )
    yield (
        f"Redis            {found.requests:g}/s x {request.redis_cpu_ms:.3f} ms = {found.redis_share:.2f} of a core: "
        f"{found.redis_servers}"
    )
    yield f"watcher          {found.watcher_share:.2f} of a core on each machine, which is one process"
    yield f"database         at most {found.database_questions:g} questions a second for keys"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="How many machines answer so many requests a second.")
    parser.add_argument("--requests", type=float, required=True, help="requests a second at the busiest time")
    parser.add_argument("--rows", type=int, default=1, help="rows in a request")
    parser.add_argument("--execution", choices=("plan", "native"), default="plan")
    parser.add_argument("--cores", type=int, default=8, help="cores of a machine")
    parser.add_argument("--keys", type=int, default=10, help="API keys in use at the same time")
    parser.add_argument("--cpu-ms", type=float, help="processor time of a request, of your model")
    parser.add_argument("--worker-mb", type=float, help="memory of a worker, with your model")
    chosen = parser.parse_args(arguments)
    measured: dict[str, Any] = {**vars(read_request(chosen.rows, chosen.execution))}
    own = {name: value for name in ("cpu_ms", "worker_mb") if (value := getattr(chosen, name)) is not None}
    request = Request(**{**measured, **own})
    found = plan(request, requests=chosen.requests, cores_of_a_machine=chosen.cores, keys=chosen.keys)
    print("\n".join(render(request, found)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
