"""The end of connections that have their answer while their clients may still be sending."""

from __future__ import annotations

import select
import socket

from config.front.doorman.waiting_room import WaitingRoom

_READ_BYTES = 1 << 18
_SECONDS_OF_SILENCE = 2.0


class Lingering:
    """Reads and throws away what still comes, until the client has ended or is silent.

    Closed at once, bytes that nobody has read would turn the end of the connection into a reset, and the client might
    see that in place of its answer. Nobody waits for a client here: it is told of by `poll`.
    """

    def __init__(self, poll: select.epoll) -> None:
        self._room = WaitingRoom(poll, seconds=_SECONDS_OF_SILENCE)

    def __len__(self) -> int:
        return len(self._room)

    def __contains__(self, descriptor: int) -> bool:
        return descriptor in self._room

    def admit(self, connection: socket.socket, now: float) -> None:
        try:
            connection.setblocking(False)
            connection.shutdown(socket.SHUT_WR)
        except OSError:  # Its client has gone.
            connection.close()
            return
        self._room.admit(connection, now)

    def go_on(self, descriptor: int, now: float) -> None:
        """Something has come, or the end."""
        connection = self._room.release(descriptor)
        try:
            if connection.recv(_READ_BYTES, socket.MSG_TRUNC if connection.family != socket.AF_UNIX else 0):
                self._room.admit(connection, now)
                return
        except OSError:
            pass
        connection.close()

    def close_late(self, now: float) -> None:
        self._room.close_late(now)
