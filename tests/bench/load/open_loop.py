"""A load generator that waits for nobody: requests begin at a constant rate, each counted from when it was due.

One thread, one epoll, a new connection per request, requests made beforehand.
"""

from __future__ import annotations

import errno
import select
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from tests.bench.load.client import HEAD_END, count_missing_bytes

PATIENCE_SECONDS = 60
_READ_BYTES = 1 << 18
_LONGEST_SLEEP_SECONDS = 0.1
_OK = HTTPStatus.OK


@dataclass(frozen=True)
class Answer:
    """What became of one request. Moments are those of time.perf_counter().

    Attributes:
        request: The position of the request among those that the load was given.
        intended: When it was due.
        sent: When the generator began with it; later than that when the generator itself could not keep up.
        status: The status of HTTP; None when there was no whole answer.
        fault: Why there was none.
    """

    request: int
    intended: float
    sent: float
    received: float
    status: int | None
    body: bytes = field(repr=False)
    fault: str | None = None

    @property
    def latency_ms(self) -> float:
        return (self.received - self.intended) * 1000

    @property
    def lateness_ms(self) -> float:
        """How much later than due the generator began."""
        return (self.sent - self.intended) * 1000


@dataclass
class _Exchange:
    """One request on its way; `missing` bytes of its answer are unknown until the head is complete."""

    connection: socket.socket
    request: int
    intended: float
    sent: float
    unsent: memoryview
    received: list[bytes] = field(default_factory=list)
    missing: int | None = None


class OpenLoad:
    """Requests in turn, over and over, at so many a second, from `run` until `stop`; then it waits for the last ones.

    Attributes:
        answers: All that came back so far, in the order of their coming.
    """

    def __init__(self, address: tuple[str, int], requests: Sequence[bytes], *, rate: float) -> None:
        self.answers: list[Answer] = []
        self._address = address
        self._requests = requests
        self._rate = rate
        self._poll = select.epoll()
        self._under_way: dict[int, _Exchange] = {}
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        begun, number, deadline = time.perf_counter(), 0, float("inf")
        try:
            while True:
                now = time.perf_counter()
                if self._stopped.is_set():
                    deadline = min(deadline, now + PATIENCE_SECONDS)
                    if not self._under_way or now > deadline:
                        break
                while not self._stopped.is_set() and (due := self._when_due(begun, number)) <= now:
                    self._begin(number % len(self._requests), due)
                    number += 1
                pause = self._when_due(begun, number) - time.perf_counter()
                for descriptor, _ in self._poll.poll(min(max(pause, 0), _LONGEST_SLEEP_SECONDS)):
                    # A process that was started meanwhile holds what was closed here for a moment.
                    if descriptor in self._under_way:
                        self._go_on(self._under_way[descriptor])
        finally:
            for exchange in list(self._under_way.values()):
                self._end(exchange, f"no answer within {PATIENCE_SECONDS} seconds")
            self._poll.close()

    def _when_due(self, begun: float, number: int) -> float:
        return begun + number / self._rate

    def _begin(self, request: int, intended: float) -> None:
        connection = socket.socket()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        unsent = memoryview(self._requests[request])
        exchange = _Exchange(connection, request, intended, time.perf_counter(), unsent)
        self._under_way[connection.fileno()] = exchange
        code = connection.connect_ex(self._address)
        self._poll.register(connection.fileno(), select.EPOLLOUT)
        if code not in (0, errno.EINPROGRESS):
            self._end(exchange, f"no connection: {errno.errorcode[code]}")

    def _go_on(self, exchange: _Exchange) -> None:
        try:
            if exchange.unsent:
                self._send(exchange)
            else:
                self._receive(exchange)
        except BlockingIOError:
            return
        except OSError as fault:
            self._end(exchange, fault.strerror or type(fault).__name__)

    def _send(self, exchange: _Exchange) -> None:
        exchange.unsent = exchange.unsent[exchange.connection.send(exchange.unsent) :]
        if not exchange.unsent:
            self._poll.modify(exchange.connection.fileno(), select.EPOLLIN)

    def _receive(self, exchange: _Exchange) -> None:
        chunk = exchange.connection.recv(_READ_BYTES)
        if not chunk:
            self._end(exchange, "the connection was closed before the whole answer")
            return
        exchange.received.append(chunk)
        exchange.missing = count_missing_bytes(b"".join(exchange.received))
        if exchange.missing is not None and exchange.missing <= 0:
            self._end(exchange, None)

    def _end(self, exchange: _Exchange, fault: str | None) -> None:
        received = time.perf_counter()
        del self._under_way[exchange.connection.fileno()]
        exchange.connection.close()  # epoll forgets it.
        head, _, body = b"".join(exchange.received).partition(HEAD_END)
        status = int(head[9:12]) if fault is None else None
        self.answers.append(Answer(exchange.request, exchange.intended, exchange.sent, received, status, body, fault))


class _WaitingLoad(OpenLoad):
    """The same requests in the same manner, of callers who each wait for their answer. Its latencies mean nothing."""

    def __init__(self, address: tuple[str, int], requests: Sequence[bytes], *, callers: int) -> None:
        super().__init__(address, requests, rate=float("inf"))
        self._callers = callers

    def _when_due(self, begun: float, number: int) -> float:  # noqa: ARG002
        return begun if len(self._under_way) < self._callers else float("inf")


def measure_capacity(address: tuple[str, int], requests: Sequence[bytes], *, callers: int, seconds: float) -> float:
    """How many requests a second are answered with 200 to callers who wait, each on a connection of its own.

    What a request costs the generator is part of it: where both share cores, an open loop at a share of the capacity
    takes that share of the machine, and no more.
    """
    load = _WaitingLoad(address, requests, callers=callers)
    begun = time.perf_counter()
    with _running(load):
        time.sleep(seconds)
    received = [answer.received for answer in load.answers if answer.status == _OK]
    return len(received) / (max(received, default=begun) - begun) if received else 0.0


@contextmanager
def open_load(address: tuple[str, int], requests: Sequence[bytes], *, rate: float) -> Iterator[OpenLoad]:
    """Apply a load beside the block, in a thread; at the end all its answers are there.

    Raises:
        Exception: whatever ended the generator early.
    """
    load = OpenLoad(address, requests, rate=rate)
    with _running(load):
        yield load


@contextmanager
def _running(load: OpenLoad) -> Iterator[None]:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            load.run()
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=run, name="open-load")
    thread.start()
    try:
        yield
    finally:
        load.stop()
        thread.join()
    if failures:
        raise failures[0]
