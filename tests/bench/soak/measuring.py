"""The run itself: requests as fast as they are answered, an activation in every part, and a reading after each."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import cycle

import psutil

from app.release.store import ReleaseStore
from tests.bench.load.client import generate_load
from tests.bench.servers.processes import measure_memory
from tests.bench.servers.running import BenchServer, list_workers
from tests.bench.soak.judging import Footprint, Reading, SoakResult, count_unexpected
from tests.bench.soak.mixture import Mixture
from tests.bench.switching.judging import OK
from tests.bench.switching.operator import Operator

# Each version was loaded once, and the cache is full.
WARM_ACTIVATIONS = 3
_CONCURRENCY = 8
_SECONDS_OF_LOAD = 3.0
_FIRST_RATE = 500.0
# What is told after an answer is told, and what is collected in the background is.
_QUIET_SECONDS = 2.0
_BROKEN_OFF = 20


class Soak:
    """Args: store: That of the server; its versions become active in turn, so that each activation loads one."""

    def __init__(self, server: BenchServer, store: ReleaseStore, mixture: Mixture, say: Callable[[str], None]) -> None:
        host, port = server.address
        self._server = server
        self._mixture = mixture
        self._say = say
        self._operator = Operator(f"http://{host}:{port}", store, key=server.key)
        self._versions = cycle(sorted(store.versions(), key=lambda name: (name == self._operator.first, name)))
        self._rate = _FIRST_RATE
        self._sent = 0
        self._activated = 0
        self._unexpected: Counter[str] = Counter()
        self._refused: list[str] = []

    def run(self, *, requests: int, activations: int, warm_requests: int) -> SoakResult:
        for _ in range(WARM_ACTIVATIONS):
            self._do_part(warm_requests // WARM_ACTIVATIONS)
        readings = [self._read()]
        warm = readings[0]
        for number in range(activations):
            # What an earlier part has sent beyond its share is not sent again.
            self._do_part(warm.requests + requests * (number + 1) // activations - self._sent)
            readings.append(self._read())
        return SoakResult(
            readings=[
                Reading(it.requests - warm.requests, it.activations - warm.activations, it.workers) for it in readings
            ],
            unexpected=self._unexpected,
            refused_activations=self._refused,
        )

    def _do_part(self, requests: int) -> None:
        activating = threading.Thread(target=self._activate_next)
        activating.start()
        self._send(requests)
        activating.join()
        self._break_off()

    def _activate_next(self) -> None:
        call = self._operator.activate(next(self._versions))
        self._activated += 1
        if call.status != OK:
            self._refused.append(f"{call.status} {call.document}")

    def _send(self, requests: int) -> None:
        end = self._sent + requests
        while self._sent < end:
            mixture = self._mixture.starting_at(self._sent)
            seconds = min(_SECONDS_OF_LOAD, (end - self._sent) / self._rate)
            result = generate_load(self._server.address, mixture, concurrency=_CONCURRENCY, seconds=seconds)
            answered = len(result.latencies_ms)
            done = answered + len(result.faults)
            self._unexpected += count_unexpected(answered, result.faults, mixture.count_statuses(done))
            self._sent += done
            self._rate = done / result.seconds

    def _break_off(self) -> None:
        """Callers who go: before they send anything, within a request, and before its answer."""
        request = self._mixture[0]
        for _ in range(_BROKEN_OFF):
            for part in (b"", request[: len(request) // 2], request):
                with socket.create_connection(self._server.address) as connection:
                    connection.sendall(part)

    def _read(self) -> Reading:
        time.sleep(_QUIET_SECONDS)
        workers = {pid: read_footprint(pid) for pid in sorted(list_workers(self._server.process))}
        sizes = ", ".join(f"{it.memory.pss:.1f}" for it in workers.values())
        self._say(f"{self._sent} requests, {self._activated} activations: {sizes} MB")
        return Reading(self._sent, self._activated, workers)


def read_footprint(pid: int) -> Footprint:
    process = psutil.Process(pid)
    return Footprint(measure_memory(pid), process.num_fds(), process.num_threads())
