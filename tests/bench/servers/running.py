"""The servers under measurement: all under gunicorn, all with the settings of config/gunicorn.py."""

from __future__ import annotations

import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from types import MappingProxyType

import psutil

from app.database import create_tables, open_database
from app.security.keys.store import KeyStore
from config.settings import describe_settings, load_settings, require_secret
from tests.bench.scope import LEAKING, NATIVE, NOOP, PLAN, TUTORIAL, UNOBSERVED, WASTEFUL, WORKERS
from tests.bench.servers.processes import WorkerMemory, measure_memory, read_start_time
from tests.server import find_free_port, stop

ROOT = Path(__file__).resolve().parents[3]
READY_SECONDS = 180
_COMMANDS = {
    NOOP: ("-m", "gunicorn", "--config", "config/gunicorn.py", "tests.bench.servers.noop:app"),
    PLAN: ("-m", "app.cli", "serve"),
    NATIVE: ("-m", "app.cli", "serve"),
    TUTORIAL: ("-m", "gunicorn", "--config", "config/gunicorn.py", "tests.bench.servers.tutorial:app"),
    UNOBSERVED: ("-m", "gunicorn", "--config", "config/gunicorn.py", "tests.bench.servers.unobserved:app"),
    WASTEFUL: ("-m", "gunicorn", "--config", "config/gunicorn.py", "tests.bench.servers.wasteful:app"),
    LEAKING: ("-m", "gunicorn", "--config", "config/gunicorn.py", "tests.bench.servers.leaking:app"),
}
_OF_ALL = {
    # Releases are made for one measurement, by nobody: no key has signed them.
    "GLUONSERVE_UNSIGNED_RELEASES": "allow",
    # What is measured is the model: few rows that come again and again would be answered without it.
    "GLUONSERVE_CACHE": "off",
    # For the lines that say when a worker serves.
    "LOG_FORMAT": "text",
}
_LOADED = re.compile(r"^(\S+) INFO app\.runtime\.switching\.active \[(\d+)\] (Serving .*)$", re.MULTILINE)


@dataclass(frozen=True)
class StartTimes:
    """From the start of a worker process, in seconds.

    Attributes:
        ready: Until /health/ready answered 200 for the first time, counted from the start of the first worker.
        loaded: Until the worker's own log line that it serves; the middle one of all workers. None if it logs none.
        log_line: What one of them logged.
    """

    ready: float
    loaded: float | None
    log_line: str | None


class ServerFailed(Exception):
    """A server did not start, in one sentence and with the end of its log."""


@dataclass(frozen=True)
class BenchServer:
    """A server that is ready."""

    name: str
    address: tuple[str, int]
    key: str
    start: StartTimes
    process: subprocess.Popen[bytes]

    def measure_memory(self) -> list[WorkerMemory]:
        return [measure_memory(pid) for pid in list_workers(self.process)]


@contextmanager
def bench_server(
    name: str, home: Path, *, models: Path, predictor: Path, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[BenchServer]:
    """Run one of the servers until the end of the block.

    Args:
        home: Where it keeps its keys and its log.
        models: The model store that it serves; the tutorial serves the predictor itself.
        settings: Others than those of every measurement.

    Raises:
        ServerFailed: when it ends or is not ready in time.
    """
    home.mkdir(parents=True, exist_ok=True)
    address = ("127.0.0.1", find_free_port())
    variables = {
        "GLUONSERVE_HOME": str(home),
        "MODEL_PATH": str(models),
        "BIND": f"{address[0]}:{address[1]}",
        "WEB_CONCURRENCY": str(WORKERS),
        **_OF_ALL,
        **settings,
    }
    key = _make_key(variables)
    log = home / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *_COMMANDS[name]],
            env={**_bare_environment(), **variables, "BENCH_PREDICTOR": str(predictor)},
            cwd=ROOT,
            stdout=output,
            stderr=output,
        )
    try:
        start = _await_readiness(process, address, log)
        yield BenchServer(name, address, key, start, process)
    finally:
        stop(process)


def list_workers(process: subprocess.Popen[bytes]) -> list[int]:
    return [child.pid for child in psutil.Process(process.pid).children()]


def read_load_times(log: str, started: Mapping[int, float]) -> list[tuple[float, str]]:
    """For each worker in the log: seconds from its start to the line that says that it serves, and that line."""
    return [
        (datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp() - started[int(pid)], line)
        for moment, pid, line in _LOADED.findall(log)
        if int(pid) in started
    ]


def _bare_environment() -> dict[str, str]:
    names = {name for name, _, _ in describe_settings()}
    return {name: value for name, value in os.environ.items() if name not in names}


def _make_key(environment: Mapping[str, str]) -> str:
    settings = load_settings(environment)
    database = open_database(settings.database_url)
    create_tables(database)
    try:
        return KeyStore(database, require_secret(settings)).create("bench", ("predict", "model_info", "admin")).text
    finally:
        database.dispose()


def _await_readiness(process: subprocess.Popen[bytes], address: tuple[str, int], log: Path) -> StartTimes:
    deadline = time.monotonic() + READY_SECONDS
    while not _is_ready(address):
        if process.poll() is not None or time.monotonic() > deadline:
            end = "\n".join(log.read_text().splitlines()[-5:])
            raise ServerFailed(f"A server did not become ready; its log ends with:\n{end}")
        time.sleep(0.005)
    ready = time.time()
    started = {pid: read_start_time(pid) for pid in list_workers(process)}
    time.sleep(0.3)  # The other workers become ready too.
    loads = read_load_times(log.read_text(), started)
    return StartTimes(
        ready=ready - min(started.values()),
        loaded=median(seconds for seconds, _ in loads) if loads else None,
        log_line=loads[0][1] if loads else None,
    )


def _is_ready(address: tuple[str, int]) -> bool:
    connection = http.client.HTTPConnection(*address, timeout=READY_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()
