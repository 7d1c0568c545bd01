"""The server and nginx with one socket between them, as Compose starts them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.bench.servers.nginx import running_nginx
from tests.rules.repository import ROOT
from tests.server import START_SECONDS, stop, wait_until


def check_health(bind: str) -> int:
    command = [sys.executable, str(ROOT / "deploy" / "image" / "healthcheck")]
    return subprocess.run(command, env={**os.environ, "BIND": bind}, capture_output=True, check=False).returncode


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that other users may enter, as nginx's workers are ones where its master is root."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        path.chmod(0o755)
        yield path


def test_nginx_reaches_the_server_through_a_socket_and_so_does_the_health_check(tmp_path: Path, shared: Path) -> None:
    bind = f"unix:{shared}/http.sock"
    variables = {
        **os.environ,
        "BIND": bind,
        "GLUONSERVE_HOME": str(tmp_path),
        "GLUONSERVE_MONITOR": "off",
        "GLUONSERVE_PROXIES": "1",
    }
    command = [sys.executable, "-m", "app.cli", "serve", "--workers", "1"]
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
    try:
        wait_until(lambda: check_health(bind) == 0, seconds=START_SECONDS)
        with running_nginx(tmp_path / "nginx", upstream=bind) as address:
            answer = requests.get(f"http://{address[0]}:{address[1]}/health/live", timeout=10)
        assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    finally:
        stop(process)
