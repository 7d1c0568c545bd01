"""Clients that are slow, each in one of three ways, and go on for as long as they are let."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from multiprocessing.synchronize import Event

Address = tuple[str, int]

_SECONDS_BETWEEN_BYTES = 1.0
# They come one after the other: hundreds in one moment would be a peak of load, whatever they do afterwards.
_SECONDS_BETWEEN_ARRIVALS = 0.005
_SMALLEST_BUFFER = 2048
_SECONDS_TO_CONNECT = 60.0
# Of TCP_INFO, whose first byte is the state of a connection.
_ESTABLISHED = b"\x01"


class SlowClient:
    """Sends what it is given a byte at a time, or all at once and then reads nothing.

    Args:
        at_once: What is sent when it has connected; of the rest, a byte goes each second.
    """

    def __init__(self, address: Address, at_once: bytes, rest: bytes) -> None:
        self._address = address
        self._at_once = at_once
        self._rest = rest
        self._connection: socket.socket | None = None
        self._left: Iterator[int] = iter(())

    def go_on(self) -> None:
        """Send another byte; begin anew where the connection has ended."""
        try:
            if self._connection is None:
                self._connection = self._connect()
            elif self._connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) != _ESTABLISHED:
                self.close()
            elif byte := next(self._left, None):
                self._connection.send(bytes([byte]))
        except OSError:
            self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> socket.socket:
        self._left = iter(self._rest)
        connection = socket.socket()
        try:
            self._introduce(connection)
        except OSError:
            connection.close()
            raise
        return connection

    def _introduce(self, connection: socket.socket) -> None:
        # What it does not read must not find room in the kernel.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALLEST_BUFFER)
        connection.settimeout(1.0)
        connection.connect(self._address)
        connection.sendall(self._at_once)
        connection.setblocking(False)


def make_slow_clients(address: Address, count: int, *, request: bytes, large: bytes) -> Sequence[SlowClient]:
    """A third each: slow with the head of a request, slow with its body, and readers of nothing.

    Args:
        request: One with a body.
        large: One whose answer is large.
    """
    head, _, body = request.partition(b"\r\n\r\n")
    kinds = cycle([(head[:20], head[20:] + b"\r\n\r\n"), (head + b"\r\n\r\n", body), (large, b"")])
    return [SlowClient(address, at_once, rest) for _, (at_once, rest) in zip(range(count), kinds, strict=False)]


@contextlib.contextmanager
def slow_clients_ready(address: Address, count: int, *, request: bytes, large: bytes) -> Iterator[Callable[[], None]]:
    """Yield what has all of them come, until the end of the block: a process that takes no turns from who measures."""
    context = multiprocessing.get_context("spawn")
    ready, begins, connected, ends = (context.Event() for _ in range(4))
    process = context.Process(target=be_slow, args=(address, count, request, large, ready, begins, connected, ends))
    process.start()

    def come() -> None:
        begins.set()
        assert connected.wait(_SECONDS_TO_CONNECT)

    try:
        assert ready.wait(_SECONDS_TO_CONNECT)
        yield come
    finally:
        begins.set()
        ends.set()
        process.join()


def be_slow(
    address: Address,
    count: int,
    request: bytes,
    large: bytes,
    ready: Event,
    begins: Event,
    connected: Event,
    ends: Event,
) -> None:
    clients = make_slow_clients(address, count, request=request, large=large)
    ready.set()
    begins.wait()
    for client in clients:
        client.go_on()
        time.sleep(_SECONDS_BETWEEN_ARRIVALS)
    connected.set()
    # One after the other and not all at once.
    for client in cycle(clients):
        if ends.wait(_SECONDS_BETWEEN_BYTES / count):
            break
        client.go_on()
    for client in clients:
        client.close()
