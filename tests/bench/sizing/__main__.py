"""`python -m tests.bench.sizing`: what a request costs each part of an installation.

It is written to deploy/sizing/measured.json. Processor time and bytes are counted, not times: a busy machine changes
them little.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson
import psutil

from tests.bench.command import bench_command, end_with, run_child, say
from tests.bench.load.client import generate_load
from tests.bench.load.requests import make_requests
from tests.bench.scope import CHURN, NATIVE, PLAN
from tests.bench.servers.nginx import running_nginx
from tests.bench.servers.running import ROOT, BenchServer, bench_server
from tests.redis_link.server import RedisServer

MEASURED = ROOT / "deploy" / "sizing" / "measured.json"
CONCURRENCY = 8
ROWS = {PLAN: (1, 10, 100, 1000, 10_000), NATIVE: (1, 10, 100, 1000)}
# Written beside the requests, ten times a second.
_SECONDS_UNTIL_LOGGED = 1.0
_UNWATCHED = {"GLUONSERVE_MONITOR": "off"}
# So that every request is counted, and none is refused.
_LIMIT = {"GLUONSERVE_KEY_REQUESTS_PER_MINUTE": "100000000"}


@dataclass(frozen=True)
class Spent:
    """What one load took of a server."""

    requests: int
    refused: int
    cpu_seconds: float
    request_bytes: float
    answer_bytes: float
    log_bytes: float


@bench_command(
    epilog="Exit code 1: a request was not answered. Example: python -m tests.bench.sizing --quick",
    quick="Shorter loads, and nothing is written.",
)
def main(quick: bool, predictors: Path, cache: Path) -> None:
    """Measure and write; about two minutes."""
    prepared = run_child("tests.bench.models.prepare", CHURN.name, str(predictors), str(cache))
    stores = {PLAN: Path(prepared["store"]), NATIVE: Path(prepared["without_plan"])}
    rows = orjson.loads(Path(prepared["rows"]).read_bytes())
    seconds = 0.5 if quick else 4.0
    with tempfile.TemporaryDirectory(dir=cache, prefix="sizing-") as place:
        executed = {
            execution: measure_execution(execution, stores[execution], rows, Path(place) / execution, seconds=seconds)
            for execution in (PLAN, NATIVE)
        }
        say("nginx, and Redis")
        beside = measure_beside(stores[PLAN], rows, Path(place), seconds=seconds)
    document = {"model": CHURN.name, "cores": os.cpu_count(), **executed, **beside}
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"
    click.echo(text)
    if not quick:
        MEASURED.write_text(text, encoding="utf-8")
    end_with(find_unanswered(executed))


def measure_execution(
    execution: str, models: Path, rows: Sequence[Any], home: Path, *, seconds: float
) -> dict[str, Any]:
    """Cost of requests of each size, and memory of a worker after them."""
    settings = {"GLUONSERVE_MAX_BODY_MB": "64", **_UNWATCHED}
    with bench_server(execution, home, models=models, predictor=home, settings=settings) as server:
        costs = []
        for size in ROWS[execution]:
            say(f"{execution}: {size} rows in a request")
            spent = apply_load(server, rows, size, home, seconds=seconds)
            costs.append(
                {
                    "rows": size,
                    "requests": spent.requests,
                    "refused": spent.refused,
                    "cpu_ms": round(1000 * spent.cpu_seconds / max(1, spent.requests), 3),
                    "request_bytes": round(spent.request_bytes),
                    "answer_bytes": round(spent.answer_bytes),
                    "log_bytes": round(spent.log_bytes),
                }
            )
        memory = [worker.pss for worker in server.measure_memory()]
    return {"requests": costs, "worker_mb": round(max(memory))}


def measure_beside(models: Path, rows: Sequence[Any], place: Path, *, seconds: float) -> dict[str, Any]:
    """What a request of one row takes of nginx, without TLS, of Redis with limits and answers, and of the watcher."""
    with bench_server(PLAN, place / "fronted", models=models, predictor=place, settings=_UNWATCHED) as server:
        upstream = "{}:{}".format(*server.address)
        with running_nginx(place / "nginx", upstream=upstream) as address:
            requests = make_requests(rows, rows_per_request=1, key=server.key, count=2000)
            nginx = count_cpu(address, requests, list_nginx(place), seconds=seconds)
    with RedisServer() as redis:
        settings = {
            "REDIS_URL": redis.url,
            "GLUONSERVE_CACHE": "on",
            "GLUONSERVE_CACHE_MB": "1",
            **_LIMIT,
            **_UNWATCHED,
        }
        with bench_server(PLAN, place / "counted", models=models, predictor=place, settings=settings) as server:
            requests = make_requests(rows, rows_per_request=1, key=server.key, count=2000)
            process = next(one for one in psutil.process_iter() if is_listening(one, redis.url))
            shared = count_cpu(server.address, requests, [process], seconds=seconds)
    return {
        "nginx_cpu_ms": round(1000 * nginx, 3),
        "redis_cpu_ms": round(1000 * shared, 3),
        "watcher_cpu_ms": round(1000 * measure_watcher(models, place / "fronted"), 3),
    }


def count_cpu(
    address: tuple[str, int], requests: Sequence[bytes], processes: Sequence[psutil.Process], *, seconds: float
) -> float:
    """Seconds of these processes for a request."""
    before = sum(map(cpu_seconds, processes))
    answered = len(generate_load(address, requests, concurrency=CONCURRENCY, seconds=seconds).latencies_ms)
    return (sum(map(cpu_seconds, processes)) - before) / answered


def measure_watcher(models: Path, home: Path) -> float:
    """Seconds of the watcher for a line of the log: what reading all takes more than reading nothing new."""
    lines = sum(path.read_bytes().count(b"\n") for path in (home / "logs" / "predictions").glob("*"))
    first, second = watch_once(models, home), watch_once(models, home)
    return max(0.0, first - second) / lines


def watch_once(models: Path, home: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    variables = {"GLUONSERVE_HOME": str(home), "MODEL_PATH": str(models), "GLUONSERVE_UNSIGNED_RELEASES": "allow"}
    command = [sys.executable, "-m", "app.cli", "monitor", "--once"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def list_nginx(place: Path) -> list[psutil.Process]:
    master = psutil.Process(int((place / "nginx" / "nginx.pid").read_text()))
    return [master, *master.children()]


def is_listening(process: psutil.Process, url: str) -> bool:
    port = url.rpartition(":")[2].partition("/")[0]
    try:
        return f":{port}" in " ".join(process.cmdline()) or port in process.cmdline()
    except psutil.Error:
        return False


def apply_load(server: BenchServer, rows: Sequence[Any], size: int, home: Path, *, seconds: float) -> Spent:
    count = max(CONCURRENCY, min(2000, len(rows) // size))
    requests = make_requests(rows, rows_per_request=size, key=server.key, count=count)
    generate_load(server.address, requests, concurrency=CONCURRENCY, seconds=seconds / 4)
    time.sleep(_SECONDS_UNTIL_LOGGED)
    cpu, logged = read_server(server), measure_log(home)
    result = generate_load(server.address, requests, concurrency=CONCURRENCY, seconds=seconds, kept_answers=5)
    time.sleep(_SECONDS_UNTIL_LOGGED)
    answered = len(result.latencies_ms)
    return Spent(
        requests=answered,
        refused=len(result.faults),
        cpu_seconds=read_server(server) - cpu,
        request_bytes=sum(map(len, requests)) / len(requests),
        answer_bytes=sum(map(len, result.answers.values())) / max(1, len(result.answers)),
        log_bytes=(measure_log(home) - logged) / max(1, answered),
    )


def read_server(server: BenchServer) -> float:
    """Processor time of the master, its workers and the doorman beside them."""
    master = psutil.Process(server.process.pid)
    return sum(cpu_seconds(process) for process in (master, *master.children(recursive=True)))


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def measure_log(home: Path) -> int:
    return sum(path.stat().st_size for path in (home / "logs" / "predictions").glob("*") if path.is_file())


def find_unanswered(executed: dict[str, dict[str, Any]]) -> Iterator[str]:
    for execution, measured in executed.items():
        for cost in measured["requests"]:
            if cost["refused"] or not cost["requests"]:
                yield f"{execution}, {cost['rows']} rows: {cost['requests']} answered, {cost['refused']} refused."


if __name__ == "__main__":
    main()
