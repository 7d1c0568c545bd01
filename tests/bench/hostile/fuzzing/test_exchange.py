"""What is read of answers, however a server sends and ends them."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.bench.hostile.fuzzing.answers import Answer
from tests.bench.hostile.fuzzing.exchange import Attack, Target

HEAD = b"HTTP/1.1 415 X\r\nContent-Length: 4\r\n\r\n"
GET = Attack(kind="one", payload=b"GET / HTTP/1.1\r\n\r\n")
CUT = Attack(kind="one", payload=b"GET / HT", is_whole=False)


def exchange(attack: Attack, *pieces: bytes) -> tuple[Answer, bytes]:
    """Return what is read of these pieces, and what had arrived before they were sent."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                received.append(connection.recv(1 << 16))
                for piece in pieces:
                    connection.sendall(piece)

        server = threading.Thread(target=serve)
        server.start()
        answer = Target(name="one", address=listener.getsockname(), silence_seconds=5).send(attack)
        server.join()
    return answer, b"".join(received)


@pytest.mark.parametrize(
    "pieces",
    [
        (HEAD + b"body",),
        (HEAD, b"bo", b"dy"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", HEAD + b"body"),
        (HEAD + b"body" + b"HTTP/1.1 400 X\r\n\r\n",),
    ],
)
def test_the_first_answer_is_read_whole_and_nothing_else(pieces: tuple[bytes, ...]) -> None:
    answer, sent = exchange(GET, *pieces)
    assert (answer.status, answer.body, answer.fault, sent) == (415, b"body", None, GET.payload)


@pytest.mark.parametrize("attack", [GET, CUT])
def test_a_connection_that_is_closed_without_an_answer_is_no_fault(attack: Attack) -> None:
    assert exchange(attack)[0] == Answer(None, b"", b"")


def test_silence_and_a_port_where_nobody_listens_are_faults() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = Target(name="silent", address=listener.getsockname(), silence_seconds=0.2)
        assert silent.send(GET).fault == "silent for 0.2 s"
    assert silent.send(GET).fault == "nobody listens"
