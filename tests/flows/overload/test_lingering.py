"""Connections that have their answer: a worker waits for none of them, and cuts none off that is still sending."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.server import RunningServer, running_server

# Longer than one answer takes, shorter than gunicorn itself would wait for the others.
PATIENCE_SECONDS = 5
LIVE = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
TOO_LARGE, MANY_ROWS_BYTES = 30_000_000, 5_000_000
PIECE = b" " * 100_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path, workers=1) as running:
        yield running


def connect(server: RunningServer) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS)


def test_clients_that_keep_their_connections_open_hold_up_nobody(server: RunningServer) -> None:
    kept = []
    for _ in range(20):
        kept.append(connect(server))
        kept[-1].sendall(LIVE)
        assert kept[-1].recv(4096).startswith(b"HTTP/1.1 200")
    for client in kept:
        client.close()


@pytest.mark.parametrize(("length", "granted", "status"), [(TOO_LARGE, 2, b"413"), (MANY_ROWS_BYTES, 1, b"429")])
def test_a_client_that_is_refused_while_it_sends_reads_the_refusal(
    server: RunningServer, tmp_path: Path, make_key: Callable[..., str], length: int, granted: int, status: bytes
) -> None:
    key = make_key(tmp_path, requests_per_minute=granted)
    assert requests.get(f"{server.url}/model/info", headers={"X-API-Key": key}, timeout=PATIENCE_SECONDS).status_code
    head = (
        "POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        f"X-API-Key: {key}\r\nContent-Length: {length}\r\n\r\n"
    )
    with connect(server) as client:
        client.sendall(head.encode())
        for _ in range(0, length, len(PIECE)):
            client.sendall(PIECE)
        assert client.recv(4096)[9:12] == status
