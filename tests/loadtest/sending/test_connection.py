"""Requests and answers on one connection, good and bad."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.loadtest.sending.connection import Answer, AnswerCutOff, Connection, NoAnswer, NotHttp
from tests.loadtest.scripted_server import (
    Script,
    ScriptedServer,
    answering,
    answering_once,
    read_request,
    reset,
    scripted_server,
    write_answer,
)
from tests.server import find_free_port

REQUEST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
TIMEOUT = 5.0


def connect_to(port: int) -> Connection:
    return Connection(lambda timeout: socket.create_connection(("127.0.0.1", port), timeout))


@contextmanager
def connected(script: Script) -> Iterator[tuple[Connection, ScriptedServer]]:
    with scripted_server(script) as server:
        connection = connect_to(server.port)
        yield connection, server
        connection.close()


def exchange(script: Script, request: bytes = REQUEST, *, timeout_seconds: float = TIMEOUT) -> Answer:
    with connected(script) as (connection, _):
        return connection.exchange(request, timeout_seconds=timeout_seconds)


def test_a_request_arrives_as_it_was_written_and_its_answer_comes_back() -> None:
    with connected(answering(write_answer(b'{"predictions":["Yes"]}'))) as (connection, server):
        assert connection.exchange(REQUEST, timeout_seconds=TIMEOUT) == Answer(200, b'{"predictions":["Yes"]}')
    assert server.requests == [REQUEST]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            Answer(200, b"abcde"),
        ),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", Answer(200, b"until the end")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204, b"")),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + write_answer(b"x", status="503 Busy"), Answer(503, b"x")),
        (write_answer(b"abc", headers="Connection: close\r\n") + b"surplus", Answer(200, b"abc")),
    ],
)
def test_an_answer_is_whole_whichever_way_its_end_is_told(answer: bytes, expected: Answer) -> None:
    assert exchange(answering_once(answer)) == expected


def test_an_answer_in_many_pieces_is_put_together() -> None:
    def drip(connection: socket.socket) -> None:
        read_request(connection)
        for byte in write_answer(b"abc"):
            connection.sendall(bytes([byte]))
            time.sleep(0.001)

    assert exchange(drip) == Answer(200, b"abc")


def test_a_body_larger_than_the_socket_takes_goes_out_and_comes_back_whole() -> None:
    body = b"x" * 3_000_000
    request = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    echo = answering(lambda received: write_answer(received.partition(b"\r\n\r\n")[2]))
    assert exchange(echo, request) == Answer(200, body)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"", NoAnswer),
        (b"HTTP/1.1 200 OK\r\nContent-Le", AnswerCutOff),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc", AnswerCutOff),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", AnswerCutOff),
        (b"SSH-2.0-OpenSSH_9.2\r\n", NotHttp),
        (write_answer() + b"surplus", NotHttp),
    ],
)
def test_half_an_answer_is_none(answer: bytes, fault: type[OSError]) -> None:
    with pytest.raises(fault):
        exchange(answering_once(answer))


def test_a_reset_is_told_as_one() -> None:
    with pytest.raises(ConnectionResetError):
        exchange(reset)


def test_where_nobody_listens_the_connection_is_refused() -> None:
    with pytest.raises(ConnectionRefusedError):
        connect_to(find_free_port()).exchange(REQUEST, timeout_seconds=TIMEOUT)


def test_the_timeout_is_for_the_whole_answer_and_not_for_each_piece() -> None:
    def drip_for_long(connection: socket.socket) -> None:
        read_request(connection)
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)

    def begin_and_drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        drip_for_long(connection)

    begun = time.perf_counter()
    with pytest.raises(TimeoutError):
        exchange(begin_and_drip, timeout_seconds=0.2)
    assert time.perf_counter() - begun < TIMEOUT


def test_what_a_server_says_before_it_closes_on_a_long_request_is_read() -> None:
    def refuse_early(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(write_answer(b"", status="413 Too Large"))
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.1)

    body = b"x" * 20_000_000
    request = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with connected(refuse_early) as (connection, _):
        assert connection.exchange(request, timeout_seconds=TIMEOUT).status == 413


@pytest.mark.parametrize(
    ("headers", "connections"), [("", 1), ("Connection: close\r\n", 3), ("Connection: keep-alive\r\n", 1)]
)
def test_a_connection_is_used_again_only_where_the_server_keeps_it(headers: str, connections: int) -> None:
    with connected(answering(write_answer(headers=headers))) as (connection, server):
        for _ in range(3):
            connection.exchange(REQUEST, timeout_seconds=TIMEOUT)
        assert (server.connections, connection.reconnects) == (connections, 0)


def test_a_kept_connection_that_the_server_has_closed_is_opened_again() -> None:
    with connected(answering_once(write_answer())) as (connection, server):
        for _ in range(3):
            assert connection.exchange(REQUEST, timeout_seconds=TIMEOUT).status == 200
        assert (server.connections, connection.reconnects) == (3, 2)


def test_a_new_connection_that_breaks_is_not_tried_again() -> None:
    with connected(reset) as (connection, server), pytest.raises(ConnectionResetError):
        connection.exchange(REQUEST, timeout_seconds=TIMEOUT)
    assert server.connections == 1
