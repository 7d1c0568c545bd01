"""Connections that something is still expected of, for a bounded time."""

from __future__ import annotations

import select
import socket

_MOST = 1000


class WaitingRoom:
    """Connections whose next bytes are waited for. One that comes when it is full, or stays too long, is closed."""

    def __init__(self, poll: select.epoll, *, seconds: float) -> None:
        self._poll = poll
        self._seconds = seconds
        self._inside: dict[int, tuple[socket.socket, float]] = {}

    def __len__(self) -> int:
        return len(self._inside)

    def __contains__(self, descriptor: int) -> bool:
        return descriptor in self._inside

    def admit(self, connection: socket.socket, now: float) -> None:
        if len(self._inside) >= _MOST:
            connection.close()
            return
        self._inside[connection.fileno()] = (connection, now + self._seconds)
        self._poll.register(connection.fileno(), select.EPOLLIN)

    def release(self, descriptor: int) -> socket.socket:
        connection, _ = self._inside.pop(descriptor)
        self._poll.unregister(descriptor)
        return connection

    def close_late(self, now: float) -> None:
        """All stay equally long, so the first that may stay longer is the last to be looked at."""
        while self._inside:
            descriptor, (_, until) = next(iter(self._inside.items()))
            if now < until:
                return
            self.release(descriptor).close()
