from __future__ import annotations

import socket
from pathlib import Path

import pytest

from config.front.doorman.queues import QueueUnknown, observe_queue


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_the_kernel_tells_how_many_connections_wait(family: socket.AddressFamily, tmp_path: Path) -> None:
    address = ("127.0.0.1", 0) if family == socket.AF_INET else str(tmp_path / "socket")
    with socket.socket(family) as listener:
        listener.bind(address)
        listener.listen(10)
        queue = observe_queue(listener)
        clients = [socket.socket(family) for _ in range(3)]
        for client in clients:
            client.connect(listener.getsockname())
        assert queue.measure() == 3
        listener.accept()[0].close()
        assert queue.measure() == 2
        queue.close()
        for client in clients:
            client.close()


def test_of_a_socket_that_does_not_tell_nothing_is_known() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams, pytest.raises(QueueUnknown):
        observe_queue(datagrams)
