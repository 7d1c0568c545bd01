"""How many connections wait in a listening socket that nobody has accepted yet, as the kernel knows it."""

from __future__ import annotations

import os
import socket
import struct
from typing import Any, Protocol

# tcpi_unacked of linux/tcp.h, which for a listening socket is the length of its queue.
_TCP_INFO_BYTES, _UNACKED = 104, struct.Struct("=I")
_UNACKED_OFFSET = 24
# linux/sock_diag.h, linux/unix_diag.h
_SOCK_DIAG, _BY_FAMILY, _REQUEST = 4, 20, 1
_SHOW_QUEUE_LENGTH, _QUEUE_LENGTH = 0x10, 4
_MESSAGE, _UNIX_REQUEST, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBHIIIII"), struct.Struct("=HHI")
_ANY, _ANSWER_BYTES = 0xFFFFFFFF, 32


class Queue(Protocol):
    def measure(self) -> int: ...

    def close(self) -> None: ...


class QueueUnknown(Exception):
    """This kernel does not tell how many connections wait."""


class TcpQueue:
    def __init__(self, listener: Any) -> None:
        self._listener = listener

    def measure(self) -> int:
        known = self._listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        return int(_UNACKED.unpack_from(known, _UNACKED_OFFSET)[0])

    def close(self) -> None: ...


class UnixQueue:
    """Asks over netlink, for one socket by its inode."""

    def __init__(self, listener: Any) -> None:
        inode = os.fstat(listener.fileno()).st_ino
        asked = _UNIX_REQUEST.pack(socket.AF_UNIX, 0, 0, _ANY, inode, _SHOW_QUEUE_LENGTH, _ANY, _ANY)
        self._question = _MESSAGE.pack(_MESSAGE.size + len(asked), _BY_FAMILY, _REQUEST, 0, 0) + asked
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _SOCK_DIAG)

    def measure(self) -> int:
        self._netlink.send(self._question)
        answer = self._netlink.recv(4096)
        if _MESSAGE.unpack_from(answer)[1] != _BY_FAMILY or len(answer) < _ANSWER_BYTES + _ATTRIBUTE.size:
            raise QueueUnknown
        _, kind, length = _ATTRIBUTE.unpack_from(answer, _ANSWER_BYTES)
        if kind != _QUEUE_LENGTH:
            raise QueueUnknown
        return int(length)

    def close(self) -> None:
        self._netlink.close()


def observe_queue(listener: Any) -> Queue:
    """The queue of a listening socket.

    Raises:
        QueueUnknown: where the kernel does not tell its length.
    """
    queue: Queue = UnixQueue(listener) if listener.family == socket.AF_UNIX else TcpQueue(listener)
    try:
        queue.measure()
    except OSError:
        raise QueueUnknown from None
    return queue
