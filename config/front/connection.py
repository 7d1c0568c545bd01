"""One connection of a worker, from its first bytes to its last."""

from __future__ import annotations

import select
import socket

from gunicorn.workers.gthread import TConn

_READ_BYTES = 1 << 16


class Connection(TConn):  # type: ignore[misc]
    """One that waits for its first bytes in a single call of the kernel; gunicorn makes a selector for each."""

    data_ready: bool

    def init(self) -> None:
        """gunicorn calls this before the first request is read."""
        super().init()
        # It looks through the whole head after each piece of it, which for long ones in pieces of 8 KB takes long.
        self.parser.unreader.mxchunk = _READ_BYTES

    def wait_for_data(self, timeout: float) -> bool:
        """gunicorn calls this before a request is read; returns whether there is anything within so many seconds."""
        if not self.data_ready:
            arrival = select.poll()
            arrival.register(self.sock, select.POLLIN)
            self.data_ready = bool(arrival.poll(timeout * 1000))
        return self.data_ready


def has_read_all(conn: TConn) -> bool:
    """Whether nothing that the client sent, or is still to send, is unread."""
    request = getattr(conn.parser, "mesg", None)
    if request is None or getattr(request.body.reader, "length", None) != 0:
        return False
    try:
        return not conn.sock.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:  # Its client has gone.
        return True
