"""Sends the head of an answer together with its body, so that a worker which dies has sent all of it or nothing.

A proxy can ask another worker only as long as it has passed on nothing of an answer.
"""

from __future__ import annotations

from typing import Any

import gunicorn.http.wsgi
from gunicorn.http.wsgi import Response

# What the kernel takes at once from a process, whoever reads it and when.
_MOST_BYTES = 1 << 16


class WholeAnswer(Response):  # type: ignore[misc]
    """gunicorn's own gives the kernel the head first, and the body after that."""

    sock: Any

    def write(self, arg: Any) -> None:
        """gunicorn calls this with each piece of a body. A large one would be copied; it takes several steps anyway."""
        if self.headers_sent or len(arg) > _MOST_BYTES:
            super().write(arg)
            return
        connection, self.sock = self.sock, _Collection()
        try:
            super().write(arg)
        finally:
            collected, self.sock = self.sock, connection
        self.sock.sendall(collected.join())


class _Collection:
    """In the place of a socket."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def sendall(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def join(self) -> bytes:
        return b"".join(self._pieces)


def send_whole_answers() -> None:
    """For a worker: gunicorn has no setting for the class of its answers."""
    gunicorn.http.wsgi.Response = WholeAnswer
