"""What the images start and how they are asked whether they live, run as they are."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import TCPServer, UnixStreamServer

import pytest

from tests.rules.repository import ROOT

PLACE = ROOT / "deploy" / "image"


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """A directory with a `gluonserve` that says how it was called."""
    command = tmp_path / "gluonserve"
    command.write_text('#!/bin/sh\necho "$$ $*"\n')
    command.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ([], "serve"),
        (["web"], "serve"),
        (["web", "--workers", "2"], "serve --workers 2"),
        (["monitor"], "monitor"),
        (["train", "churn.csv", "--label", "has left"], "train churn.csv --label has left"),
        (["keys", "list"], "keys list"),
    ],
)
def test_a_role_becomes_its_command(commands: Path, words: list[str], command: str) -> None:
    environment = {**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"}
    started = subprocess.Popen([PLACE / "entrypoint", *words], env=environment, stdout=subprocess.PIPE, text=True)
    said, _ = started.communicate()
    # The same process: a signal to it reaches the command, and no shell stands between.
    assert said == f"{started.pid} {command}\n"


class Answering(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/health/live" else 404)
        self.end_headers()

    def address_string(self) -> str:
        return "a unix socket has no address"

    def log_message(self, format: str, *values: object) -> None: ...


class Failing(Answering):
    status = 503


@contextmanager
def serving(server: TCPServer) -> Iterator[None]:
    threading.Thread(target=server.handle_request, daemon=True).start()
    try:
        yield
    finally:
        server.server_close()


def check_health(bind: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BIND": bind, "http_proxy": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, PLACE / "healthcheck"], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("handler", "code"), [(Answering, 0), (Failing, 1)])
def test_the_health_check_asks_the_port_that_is_served(handler: type[Answering], code: int) -> None:
    server = HTTPServer(("127.0.0.1", 0), handler)
    with serving(server):
        assert check_health(f"0.0.0.0:{server.server_port}").returncode == code


def test_the_health_check_asks_the_socket_that_is_served(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with serving(UnixStreamServer(str(path), Answering)):
        assert check_health(f"unix:{path}").returncode == 0


def test_the_health_check_says_that_nobody_is_there(tmp_path: Path) -> None:
    done = check_health(f"unix:{tmp_path}/http.sock")
    assert done.returncode == 1
    assert "No answer on unix:" in done.stderr
