from __future__ import annotations

import socket

from gunicorn.config import Config

from config.front.connection import Connection

LONG = b"POST /predict HTTP/1.1\r\nAuthorization: Bearer " + b"a" * 60_000


def test_a_long_head_is_read_in_few_pieces() -> None:
    near, far = socket.socketpair()
    with near, far:
        connection = Connection(Config(), near, ("127.0.0.1", 1), ("127.0.0.1", 2))
        far.sendall(LONG)
        assert connection.wait_for_data(1)
        connection.init()
        assert connection.parser.unreader.read() == LONG
