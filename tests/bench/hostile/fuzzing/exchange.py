"""Sends bytes as they are, well formed or not, and reads whatever comes back."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from tests.bench.hostile.fuzzing.answers import Answer
from tests.bench.load.client import HEAD_END, count_missing_bytes

_READ_BYTES = 1 << 16
_MOST_BYTES = 1 << 24
_STATUS = slice(9, 12)
# Asks for the body and is not yet the answer.
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One request.

    Attributes:
        kind: Which generator made it: answers are counted by it.
        is_whole: The server can tell where the request ends. Else it is told by closing this side of the connection.
        makes_secret: A good answer shows a new key or token.
    """

    kind: str
    payload: bytes
    is_whole: bool = True
    makes_secret: bool = False

    @property
    def is_head(self) -> bool:
        return self.payload.startswith(b"HEAD ")

    @property
    def is_for_page(self) -> bool:
        return b" /dashboard" in self.payload.partition(b"\r\n")[0]


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where requests go: a port of this machine. A server that says and ends nothing for so long is at fault."""

    name: str
    address: tuple[str, int]
    silence_seconds: float = 30.0

    def send(self, attack: Attack) -> Answer:
        """Send one request on a connection of its own and return what comes back first; nothing is raised."""
        try:
            with socket.create_connection(self.address, self.silence_seconds) as connection:
                return self._exchange(connection, attack)
        except TimeoutError:
            return Answer(None, b"", b"", f"silent for {self.silence_seconds:g} s")
        except ConnectionRefusedError:
            return Answer(None, b"", b"", "nobody listens")
        except OSError:
            return Answer(None, b"", b"")

    def _exchange(self, connection: socket.socket, attack: Attack) -> Answer:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            connection.sendall(attack.payload)
            if not attack.is_whole:
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # What the server said before it closed is still to be read.
        received = self._read(connection, is_head=attack.is_head)
        received = received.removeprefix(_CONTINUE)
        head, _, body = received.partition(HEAD_END)
        # What is left of damaged requests may count as further ones, whose answers follow.
        missing = count_missing_bytes(received) or 0
        status = head[_STATUS]
        return Answer(int(status) if status.isdigit() else None, head, body[:missing] if missing < 0 else body)

    @staticmethod
    def _read(connection: socket.socket, *, is_head: bool) -> bytes:
        received = b""
        while len(received) < _MOST_BYTES:
            try:
                chunk = connection.recv(_READ_BYTES)
            except ConnectionResetError:
                break
            received += chunk
            if not chunk or _is_complete(received.removeprefix(_CONTINUE), is_head=is_head):
                break
        return received


def _is_complete(received: bytes, *, is_head: bool) -> bool:
    if b"\r\n" not in received or HEAD_END not in received:
        return False
    if is_head:
        return True
    if b"\r\ntransfer-encoding:" in received.partition(HEAD_END)[0].lower():
        return received.endswith(b"0\r\n\r\n")
    missing = count_missing_bytes(received)
    return missing is not None and missing <= 0
