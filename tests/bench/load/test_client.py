from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.bench.load.client import count_missing_bytes, generate_load
from tests.bench.load.requests import make_requests

ROWS = [{"tenure": number} for number in range(7)]
Serve = Callable[[BaseHTTPRequestHandler, bytes], None]


def echo(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def refuse(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(503)
    handler.send_header("Content-Length", "4")
    handler.end_headers()
    handler.wfile.write(b"busy")


def break_off(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.close_connection = True


@contextmanager
def serving(serve: Serve, *, keep_alive: bool = True) -> Iterator[tuple[tuple[str, int], set[object]]]:
    """A server on a free port, and the addresses of the connections that it has seen."""
    seen: set[object] = set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if keep_alive else "HTTP/1.0"

        def do_POST(self) -> None:
            seen.add(self.client_address)
            serve(self, self.rfile.read(int(self.headers["Content-Length"])))

        def end_headers(self) -> None:
            if not keep_alive:
                self.send_header("Connection", "close")
            super().end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield ("127.0.0.1", server.server_port), seen
        server.shutdown()


def test_every_request_in_turn_is_answered() -> None:
    requests = make_requests(ROWS, rows_per_request=2, key="gsk_1", count=3)
    with serving(echo) as (address, _):
        result = generate_load(address, requests, concurrency=2, seconds=0.1, kept_answers=2)
    assert result.faults == []
    assert len(result.latencies_ms) >= 3
    assert result.answers == {
        0: b'{"data":[{"tenure":0},{"tenure":1}]}',
        1: b'{"data":[{"tenure":2},{"tenure":3}]}',
    }


@pytest.mark.parametrize("keep_alive", [True, False])
def test_a_connection_is_used_again_only_where_the_server_keeps_it(keep_alive: bool) -> None:
    requests = make_requests(ROWS, rows_per_request=1, key="gsk_1", count=7)
    with serving(echo, keep_alive=keep_alive) as (address, connections):
        result = generate_load(address, requests, concurrency=3, seconds=0.1)
    assert len(result.latencies_ms) > 3
    assert len(connections) == (3 if keep_alive else len(result.latencies_ms))


def test_a_body_larger_than_the_socket_takes_arrives_whole() -> None:
    requests = make_requests(["x" * 1_000_000] * 4, rows_per_request=4, key="gsk_1", count=1)
    with serving(echo) as (address, _):
        result = generate_load(address, requests, concurrency=2, seconds=0, kept_answers=1)
    assert result.faults == []
    assert requests[0].endswith(b"\r\n\r\n" + result.answers[0])


@pytest.mark.parametrize(
    ("serve", "fault"),
    [(refuse, "503: busy"), (break_off, "the connection was closed before the whole answer")],
)
def test_a_request_without_a_good_answer_is_an_error(serve: Serve, fault: str) -> None:
    requests = make_requests(ROWS, rows_per_request=1, key="gsk_1", count=1)
    with serving(serve) as (address, _):
        result = generate_load(address, requests, concurrency=2, seconds=0)
    assert (result.latencies_ms, result.faults) == ([], [fault, fault])


@pytest.mark.parametrize(
    ("received", "missing"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Le", None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", 3),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 0),
    ],
)
def test_the_head_tells_what_is_still_to_come(received: bytes, missing: int | None) -> None:
    assert count_missing_bytes(received) == missing
