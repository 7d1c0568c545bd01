"""A server that does with each connection what a script says: answers, breaks off, waits, resets."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

HEAD_END = b"\r\n\r\n"
Script = Callable[[socket.socket], Any]
"""Does with a connection what it wants; it is closed afterwards."""


@dataclass
class ScriptedServer:
    """A running server.

    Attributes:
        requests: The requests that it has read, with their heads.
        connections: How many it has accepted.
    """

    url: str
    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


@contextmanager
def scripted_server(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Serve each connection by the script, in a thread of its own, until the end of the block."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        port = listener.getsockname()[1]
        server = ScriptedServer(f"{'https' if tls else 'http'}://127.0.0.1:{port}", port)

        def serve(connection: socket.socket) -> None:
            with suppress(OSError), connection:
                secured = tls.wrap_socket(connection, server_side=True) if tls else connection
                with secured:
                    script(_Noting(secured, server))  # type: ignore[arg-type]

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    server.connections += 1
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

        acceptor = threading.Thread(target=accept, daemon=True)
        acceptor.start()
        try:
            yield server
        finally:
            # Closing alone would not wake the thread.
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()


class _Noting:
    """A connection whose server knows what was read from it."""

    def __init__(self, connection: socket.socket, server: ScriptedServer) -> None:
        self._connection = connection
        self.server = server

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def read_request(connection: socket.socket) -> bytes:
    """One request; empty when there is no more."""
    received = b""
    while HEAD_END not in received:
        chunk = connection.recv(1 << 16)
        if not chunk:
            return b""
        received += chunk
    head, _, body = received.partition(HEAD_END)
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(1 << 16)
    request = head + HEAD_END + body
    connection.server.requests.append(request)  # type: ignore[attr-defined]
    return request


def write_answer(body: bytes = b"{}", *, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def write_problem(status: int, code: object, detail: str = "No.") -> bytes:
    return write_answer(orjson.dumps({"error": code, "detail": detail}), status=f"{status} X")


def answering(answer: bytes | Callable[[bytes], bytes] = write_answer()) -> Script:  # noqa: B008 - bytes do not change
    """Answer every request of a connection, which is kept open."""

    def script(connection: socket.socket) -> None:
        while request := read_request(connection):
            connection.sendall(answer(request) if callable(answer) else answer)

    return script


def answering_once(answer: bytes) -> Script:
    """Read one request, say something and close."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)

    return script


def reset(connection: socket.socket) -> None:
    """Read the request and let the kernel answer with a reset."""
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
