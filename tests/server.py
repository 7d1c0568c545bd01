"""The real server: `gluonserve serve` with its pre-forked gunicorn workers, on a free port of this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import psutil
import requests

GUNICORN_CONFIG = str(Path(__file__).parents[1] / "config" / "gunicorn.py")
START_SECONDS = 60
STOP_SECONDS = 45

# A watcher beside each server would take turns from the tests, a machine that is busy with others is not overload, and
# nobody spreads traffic here;
# tests that are about these say so.
_USUAL_SETTINGS = {
    "GLUONSERVE_MONITOR": "off",
    "GLUONSERVE_MOST_WAIT_MS": "20000",
    "GLUONSERVE_DRAIN_SECONDS": "0",
}


class RunningServer:
    """A started server and what a test wants of it."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self.process = process
        self.url = url
        self.log_path = log

    def get(self, path: str, key: str | None = None) -> requests.Response:
        return requests.get(self.url + path, headers=_headers(key), timeout=30)

    def predict(self, rows: Any, key: str | None) -> requests.Response:
        return requests.post(f"{self.url}/predict", json={"data": rows}, headers=_headers(key), timeout=60)

    def workers(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def log_lines(self) -> list[str]:
        return self.log_path.read_text().splitlines()

    def log_events(self) -> list[dict[str, Any]]:
        """What each line of the log says, as JSON."""
        return [orjson.loads(line) for line in self.log_lines()]

    def is_live(self) -> bool:
        try:
            return self.get("/health/live").status_code == requests.codes.ok
        except requests.ConnectionError:
            return False

    def is_ready(self) -> bool:
        return self.is_live() and self.get("/health/ready").status_code == requests.codes.ok


@contextmanager
def running_server(
    home: Path, *, workers: int = 2, environment: Mapping[str, str] | None = None, application: str | None = None
) -> Iterator[RunningServer]:
    """Serve the state below a home until the end of the block, which begins as soon as the server answers at all.

    Args:
        application: MODULE:NAME of another one than gluonserve's own, for gunicorn with the same settings.
    """
    port = find_free_port()
    process = start_server(home, port, workers=workers, environment=environment, application=application)
    server = RunningServer(process, f"http://127.0.0.1:{port}", find_log(home, port))
    try:
        wait_until(server.is_live, seconds=START_SECONDS)
        yield server
    finally:
        stop(process)


def start_server(
    home: Path, port: int, *, workers: int = 2, environment: Mapping[str, str] | None = None, application: str | None
) -> subprocess.Popen[bytes]:
    """Start a server that nobody ends; for what it takes see `running_server`."""
    command = [sys.executable, "-m", "app.cli", "serve", "--bind", f"127.0.0.1:{port}", "--workers", str(workers)]
    if application is not None:
        command = [sys.executable, "-m", "gunicorn", "--config", GUNICORN_CONFIG, *command[4:], application]
    home.mkdir(parents=True, exist_ok=True)
    variables = {**os.environ, **_USUAL_SETTINGS, "GLUONSERVE_HOME": str(home), **(environment or {})}
    with find_log(home, port).open("ab") as output:
        return subprocess.Popen(command, env=variables, stdout=output, stderr=output)


def find_log(home: Path, port: int) -> Path:
    return home / f"server-{port}.log"


def stop(process: subprocess.Popen[bytes]) -> int:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    return process.wait(STOP_SECONDS)


def wait_until(holds: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _headers(key: str | None) -> dict[str, str]:
    return {} if key is None else {"X-API-Key": key}
