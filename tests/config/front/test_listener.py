from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path

import pytest

from config.front.listener import Listener


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6, socket.AF_UNIX])
def test_a_connection_is_as_python_itself_would_make_it(family: socket.AddressFamily, tmp_path: Path) -> None:
    address = (
        str(tmp_path / "s") if family == socket.AF_UNIX else ("::1" if family == socket.AF_INET6 else "127.0.0.1", 0)
    )
    with socket.socket(family) as listening, socket.socket(family) as client:
        listening.bind(address)
        listening.listen()
        client.connect(listening.getsockname())
        connection, caller = Listener(listening).accept()
        with closing(connection):
            assert (connection.family, connection.type) == (family, socket.SOCK_STREAM)
            assert caller == client.getsockname()
            assert not connection.get_inheritable()
            assert connection.gettimeout() is None
            client.sendall(b"a")
            assert connection.recv(1) == b"a"


def test_where_nobody_waits_that_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            Listener(listening).accept()
