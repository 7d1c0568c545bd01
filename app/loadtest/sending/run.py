"""A run: as many threads as there are users, each with its connection; the thread that started it watches."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from app.loadtest.sending.connection import Connection, Dial
from app.loadtest.sending.outcomes import Kinds, name_answer, name_fault
from app.loadtest.sending.pace import Pace
from app.loadtest.sending.requests import PredictionRequests
from app.loadtest.sending.samples import Record, Samples, gather

_WATCH_SECONDS = 0.25
# After Ctrl-C, for what is under way.
_PATIENCE_SECONDS = 1.0


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    seconds: float
    requests: int
    failed: int


@dataclass(frozen=True)
class RunResult:
    """What a run left.

    Attributes:
        seconds: From the first request to the last answer.
        cpu_seconds: What this process itself used meanwhile.
        reconnects: How many kept connections the server had closed.
        unsent: Requests that were due and that nobody was free to send.
        unanswered: Requests that were given up when the run was interrupted. Neither are among the samples.
    """

    samples: Samples
    seconds: float
    cpu_seconds: float
    reconnects: int = 0
    unsent: int = 0
    unanswered: int = 0
    was_interrupted: bool = False


class LoadRun:
    """One run of one load. Interrupted, it ends early with what it has so far."""

    def __init__(
        self, requests: PredictionRequests, dial: Dial, pace: Pace, *, users: int, timeout_seconds: float
    ) -> None:
        self._requests = requests
        self._pace = pace
        self._timeout_seconds = timeout_seconds
        self._turns: Iterator[int] = count()
        self._kinds = Kinds()
        self._stopped = threading.Event()
        self._users = [(Record(), Connection(dial)) for _ in range(users)]
        self._under_way: set[int] = set()

    def run(self, on_progress: Callable[[Progress], None]) -> RunResult:
        """Send the load; tell a few times a second how far it is."""
        with _without_garbage_collection():
            cpu_seconds, begun = time.process_time(), time.perf_counter()
            threads = [
                threading.Thread(target=self._be_user, args=(number, begun), daemon=True, name=f"user-{number}")
                for number in range(len(self._users))
            ]
            interrupted_after = self._watch(threads, begun, on_progress)
            seconds = time.perf_counter() - begun
            cpu_seconds = time.process_time() - cpu_seconds
        samples = gather((record for record, _ in self._users), begun=begun, names=self._kinds.names)
        unanswered = len(self._under_way)
        return RunResult(
            samples,
            seconds=seconds,
            cpu_seconds=cpu_seconds,
            reconnects=sum(connection.reconnects for _, connection in self._users),
            unsent=max(0, int(self._pace.count_due(interrupted_after or seconds)) - len(samples) - unanswered),
            unanswered=unanswered,
            was_interrupted=interrupted_after is not None,
        )

    def _watch(
        self, threads: list[threading.Thread], begun: float, on_progress: Callable[[Progress], None]
    ) -> float | None:
        """Start the users and wait until all are done; tell after how many seconds somebody pressed Ctrl-C."""
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(_WATCH_SECONDS)
                    on_progress(self._measure_progress(begun))
        except KeyboardInterrupt:
            self._stopped.set()
            interrupted_after = time.perf_counter() - begun
            patience_ends = time.perf_counter() + _PATIENCE_SECONDS
            for thread in threads:
                thread.join(max(0.0, patience_ends - time.perf_counter()))
            return interrupted_after
        return None

    def _measure_progress(self, begun: float) -> Progress:
        return Progress(
            time.perf_counter() - begun,
            sum(len(record) for record, _ in self._users),
            sum(record.failed for record, _ in self._users),
        )

    def _be_user(self, number: int, begun: float) -> None:
        record, connection = self._users[number]
        try:
            for due in self._pace.list_due(begun):
                request = self._requests.make(next(self._turns))
                if self._wait_until(due):
                    break
                self._under_way.add(number)
                began = time.perf_counter()
                outcome = self._send(connection, request)
                record.add(began if due is None else due, began, time.perf_counter(), outcome)
                self._under_way.discard(number)
        finally:
            connection.close()

    def _send(self, connection: Connection, request: bytes) -> int:
        try:
            name = name_answer(connection.exchange(request, timeout_seconds=self._timeout_seconds))
        except OSError as fault:
            name = name_fault(fault)
        return self._kinds.number(name)

    def _wait_until(self, due: float | None) -> bool:
        """Whether the run was stopped meanwhile."""
        pause = 0.0 if due is None else due - time.perf_counter()
        return self._stopped.wait(pause) if pause > 0 else self._stopped.is_set()


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """A collection in this process would count as latency of the server."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
