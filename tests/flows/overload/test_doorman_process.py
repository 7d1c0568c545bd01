"""The doorman of a real server is there again when it was killed, and goes with the server."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil

from tests.server import RunningServer, running_server, wait_until

APPLICATION = "tests.flows.overload.hanging:make_hanging()"
PATIENCE = 60


def find_doormen(server: RunningServer) -> list[int]:
    """It is a fork of the server's master, so its command line is the same."""
    address = server.url.removeprefix("http://")
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "doorman" and address in (process.info["cmdline"] or []):
            found.append(process.pid)
    return found


def test_a_killed_doorman_is_followed_by_another_that_ends_with_the_server(tmp_path: Path) -> None:
    with running_server(tmp_path, workers=1, application=APPLICATION) as server:
        (killed,) = find_doormen(server)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: find_doormen(server) not in ([], [killed]), seconds=PATIENCE)
        assert server.is_ready()
        assert any("The doorman died (status -9); another one begins." in line for line in server.log_lines())
    wait_until(lambda: find_doormen(server) == [], seconds=PATIENCE)


def test_where_nobody_is_refused_there_is_no_doorman(tmp_path: Path) -> None:
    environment = {"GLUONSERVE_MOST_WAIT_MS": "0"}
    with running_server(tmp_path, workers=1, environment=environment, application=APPLICATION) as server:
        assert find_doormen(server) == []
        assert server.is_ready()
