"""What the doorman and the workers share: where connections change hands, and what each worker has taken."""

from __future__ import annotations

import mmap
import os
import socket

# Workers at once, those that are about to end beside their successors.
PLACES = 1024
_BYTES = 8
_HERE = 1
_OPEN, _DRAINING, _CLOSING = range(3)
# Codes of the doorman's answers.
REASONS = ("overloaded", "deadline_exceeded", "unavailable")


class Desk:
    """Made by gunicorn's master, inherited by all. A connection that lies here is lost with nobody.

    Attributes:
        turns: Two ends of a pair of sockets: the doorman puts in whose turn it is, a worker with a free thread takes.
        health: The same for requests about health; workers take them when all their threads are busy, too.
        taken: The connections that workers have taken, counted in a place of each one's own.
        refused: What the doorman has answered in place of a worker, by the positions of `REASONS`.
        hung: Predictions that workers gave up, counted in a place of each one's own.
        closing: A descriptor that can be read as soon as the server listens no more.
        here: By the same places, whether a worker takes connections at all; one that is loading or ending does not.
    """

    def __init__(self) -> None:
        self.turns = _make_pair()
        self.health = _make_pair()
        # A few at most: what lies here cannot be refused any more.
        self.turns[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        self.taken = memoryview(mmap.mmap(-1, _BYTES * PLACES)).cast("Q")
        self.refused = memoryview(mmap.mmap(-1, _BYTES * len(REASONS))).cast("Q")
        self.hung = memoryview(mmap.mmap(-1, _BYTES * PLACES)).cast("Q")
        self.here = memoryview(mmap.mmap(-1, PLACES))
        self.closing = os.eventfd(0)
        self._stage = memoryview(mmap.mmap(-1, 1))

    def close(self) -> None:
        for end in (*self.turns, *self.health):
            end.close()
        os.close(self.closing)

    def drain(self) -> None:
        """The server has been told to end: who asks for its health is told so, all else is answered as before."""
        self._stage[0] = _DRAINING

    def shut(self) -> None:
        """The server listens no more: what has arrived by now is the last that is answered."""
        self._stage[0] = _CLOSING
        os.eventfd_write(self.closing, 1)

    @property
    def is_draining(self) -> bool:
        return self._stage[0] != _OPEN

    @property
    def is_shut(self) -> bool:
        return self._stage[0] == _CLOSING

    def come(self, place: int) -> None:
        self.here[place] = _HERE

    def go(self, place: int) -> None:
        self.here[place] = 0

    def is_attended(self) -> bool:
        """Whether any worker takes connections."""
        return _HERE in self.here

    def count_refusal(self, code: str) -> None:
        """For the doorman alone: of several writers some counts would be lost."""
        self.refused[REASONS.index(code)] += 1

    def count(self) -> dict[str, int]:
        """Everything that is counted here, by name: taken, hung, and the reasons of refusals."""
        return {"taken": self.count_taken(), "hung": sum(self.hung), **dict(zip(REASONS, self.refused, strict=True))}

    def count_taken(self) -> int:
        return sum(self.taken)


def _make_pair() -> tuple[socket.socket, socket.socket]:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    near.setblocking(False)
    far.setblocking(False)
    return near, far


def put(end: socket.socket, connection: socket.socket) -> bool:
    """Pass a connection on; tell whether there was room. The caller's own end of it is to be closed then."""
    try:
        socket.send_fds(end, [b"."], [connection.fileno()])
    except OSError:
        return False
    return True


def take(end: socket.socket) -> socket.socket | None:
    """The next connection, if there is one."""
    try:
        _, descriptors, _, _ = socket.recv_fds(end, 1, 1)
    except OSError:
        return None
    return socket.socket(fileno=descriptors[0]) if descriptors else None
