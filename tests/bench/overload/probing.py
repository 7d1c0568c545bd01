"""Asks a server for its health all the time, from a process of its own: `python -m tests.bench.overload.probing PORT`.

It ends when its standard input does, and prints as JSON what it found.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import orjson

ROUTES = ("/health/live", "/health/ready", "/health")
_PAUSE_SECONDS = 0.05
_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class HealthAnswer:
    """Moments are those of time.perf_counter(), which all processes share. A status of 0: none came."""

    route: str
    asked: float
    ms: float
    status: int


class Probe:
    """Attributes: answers: Complete when its block has ended."""

    def __init__(self) -> None:
        self.answers: list[HealthAnswer] = []


@contextmanager
def probing_health(address: tuple[str, int]) -> Iterator[Probe]:
    command = [sys.executable, "-m", "tests.bench.overload.probing", str(address[1])]
    probe = Probe()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield probe
        found, _ = process.communicate()
    probe.answers = [HealthAnswer(**answer) for answer in orjson.loads(found)]


def ask(port: int, route: str) -> HealthAnswer:
    asked = time.perf_counter()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS) as connection:
            connection.sendall(f"GET {route} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            status = int(connection.recv(4096)[9:12] or 0)
    except OSError:
        status = 0
    return HealthAnswer(route, asked, (time.perf_counter() - asked) * 1000, status)


def await_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def main() -> None:
    port, ended = int(sys.argv[1]), threading.Event()
    with contextlib.suppress(PermissionError):
        # It shares its core with the generator, and is to measure the server's delay rather than its own.
        os.nice(-20)
    threading.Thread(target=await_end, args=(ended,), daemon=True).start()
    answers: list[dict[str, object]] = []
    while not ended.wait(_PAUSE_SECONDS):
        answers.append(asdict(ask(port, ROUTES[len(answers) % len(ROUTES)])))
    sys.stdout.buffer.write(orjson.dumps(answers))


if __name__ == "__main__":
    main()
