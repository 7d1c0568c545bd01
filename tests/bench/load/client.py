"""A load generator: so many connections, each sending the next request as soon as its last one is answered.

One process, one epoll, requests made beforehand: it takes little of the machine that it shares with the server.
"""

from __future__ import annotations

import gc
import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

HEAD_END = b"\r\n\r\n"
SILENCE_SECONDS = 120
_READ_BYTES = 1 << 18
_OK = b"200"


@dataclass(frozen=True)
class LoadResult:
    """What came back.

    Attributes:
        seconds: From the first request to the last answer.
        latencies_ms: Of the requests that were answered with 200, from connecting to the last byte.
        faults: Why the other requests count as errors, one text each.
        answers: The first bodies, by the position of the request that they answer.
    """

    seconds: float
    latencies_ms: list[float] = field(repr=False)
    faults: list[str]
    answers: dict[int, bytes] = field(repr=False)


@dataclass
class _Exchange:
    """One request on its way; `missing` bytes of its answer are unknown until the head is complete."""

    connection: socket.socket
    position: int
    unsent: memoryview
    started: float
    received: list[bytes] = field(default_factory=list)
    missing: int | None = None


class NoAnswer(Exception):
    """The server fell silent in the middle of a measurement."""


def generate_load(
    address: tuple[str, int],
    requests: Sequence[bytes],
    *,
    concurrency: int,
    seconds: float,
    kept_answers: int = 0,
) -> LoadResult:
    """Send the requests in turn, over and over, until the time is up; then wait for what is under way.

    A connection is used again when the server keeps it open. Every connection sends at least one request.

    Raises:
        NoAnswer: when nothing is answered for two minutes.
    """
    with without_garbage_collection():
        return _Load(address, requests, kept_answers).run(concurrency, seconds)


class _Load:
    def __init__(self, address: tuple[str, int], requests: Sequence[bytes], kept_answers: int) -> None:
        self._address = address
        self._requests = requests
        self._turn: Iterator[int] = cycle(range(len(requests)))
        self._kept_answers = kept_answers
        self._poll = select.epoll()
        self._under_way: dict[int, _Exchange] = {}
        self._latencies_ms: list[float] = []
        self._faults: list[str] = []
        self._answers: dict[int, bytes] = {}

    def run(self, concurrency: int, seconds: float) -> LoadResult:
        started = finished = time.perf_counter()
        self._deadline = started + seconds
        for _ in range(concurrency):
            self._begin(None)
        try:
            while self._under_way:
                events = self._poll.poll(SILENCE_SECONDS)
                if not events:
                    raise NoAnswer(f"{self._address[0]}:{self._address[1]} has not answered for {SILENCE_SECONDS} s")
                for descriptor, _ in events:
                    self._go_on(descriptor)
            finished = time.perf_counter()
        finally:
            for exchange in self._under_way.values():
                exchange.connection.close()
            self._poll.close()
        return LoadResult(finished - started, self._latencies_ms, self._faults, self._answers)

    def _begin(self, kept: socket.socket | None) -> None:
        position = next(self._turn)
        started = time.perf_counter()
        connection = kept or self._connect()
        exchange = _Exchange(connection, position, memoryview(self._requests[position]), started)
        self._under_way[connection.fileno()] = exchange
        wanted = select.EPOLLIN if self._send(exchange) else select.EPOLLIN | select.EPOLLOUT
        if kept:
            self._poll.modify(connection.fileno(), wanted)
        else:
            self._poll.register(connection.fileno(), wanted)

    def _connect(self) -> socket.socket:
        # Blocking: on one machine the kernel answers at once, whether or not the server is about to accept.
        connection = socket.socket()
        connection.connect(self._address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _send(self, exchange: _Exchange) -> bool:
        """Send what the connection takes now; tell whether that was all."""
        try:
            while exchange.unsent:
                sent = exchange.connection.send(exchange.unsent, socket.MSG_DONTWAIT)
                exchange.unsent = exchange.unsent[sent:]
        except BlockingIOError:
            return False
        except OSError:
            pass  # What the server said before it closed is still to be read.
        exchange.unsent = memoryview(b"")
        return True

    def _go_on(self, descriptor: int) -> None:
        exchange = self._under_way[descriptor]
        if exchange.unsent and self._send(exchange):
            self._poll.modify(descriptor, select.EPOLLIN)
        try:
            chunk = exchange.connection.recv(_READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as fault:
            self._end(exchange, fault.strerror or type(fault).__name__)
            return
        if not chunk:
            self._end(exchange, "the connection was closed before the whole answer")
            return
        exchange.received.append(chunk)
        if exchange.missing is None:
            exchange.missing = count_missing_bytes(b"".join(exchange.received))
        else:
            exchange.missing -= len(chunk)
        if exchange.missing is not None and exchange.missing <= 0:
            self._end(exchange, None)

    def _end(self, exchange: _Exchange, fault: str | None) -> None:
        now = time.perf_counter()
        connection = exchange.connection
        del self._under_way[connection.fileno()]
        head, _, body = b"".join(exchange.received).partition(HEAD_END)
        if fault is None and head[9:12] != _OK:
            fault = f"{head[9:12].decode()}: {body[:300].decode(errors='replace')}"
        if fault is None:
            self._latencies_ms.append((now - exchange.started) * 1000)
            if exchange.position < self._kept_answers:
                self._answers.setdefault(exchange.position, body)
        else:
            self._faults.append(fault)
        stays_open = fault is None and b"connection: close" not in head.lower()
        if not stays_open or now >= self._deadline:
            connection.close()  # epoll forgets it.
        if now < self._deadline:
            self._begin(connection if stays_open else None)


def count_missing_bytes(received: bytes) -> int | None:
    """How much of an answer is still to come; None while its head is not complete."""
    head_length = received.find(HEAD_END)
    if head_length < 0:
        return None
    for line in received[:head_length].split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value) - (len(received) - head_length - len(HEAD_END))
    return 0


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """A collection in the generator would count as latency of the server."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
