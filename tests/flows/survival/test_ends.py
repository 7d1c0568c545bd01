"""How a server and its workers end: told to, killed, stopped, or after enough requests."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from tests.api.builders import ROW
from tests.server import RunningServer, running_server, wait_until

APPLICATION = "tests.flows.survival.dying:make_dying()"
PATIENCE = 60


def list_processes(home: Path) -> set[int]:
    """Everything that was started for the server of a home, also what is nobody's child any more."""
    found = set()
    for process in psutil.process_iter():
        try:
            if process.environ().get("GLUONSERVE_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
        except psutil.Error:  # It has just ended, or is somebody else's.
            continue
    return found


def test_a_server_that_is_told_to_end_is_not_ready_and_answers_meanwhile(
    tmp_path: Path, make_key: Callable[..., str]
) -> None:
    environment = {"GLUONSERVE_DRAIN_SECONDS": "20"}
    with running_server(tmp_path, workers=1, application=APPLICATION, environment=environment) as server:
        key = make_key(tmp_path)
        assert server.is_ready()
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not server.is_ready(), seconds=PATIENCE)
        ready = server.get("/health/ready")
        assert (ready.status_code, ready.json()["error"]) == (503, "draining")
        assert server.get("/health/live").status_code == 200
        assert server.predict([ROW], key).status_code == 200
        # Whoever does not want to wait says so.
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(PATIENCE) == 0


def test_with_a_master_that_is_killed_everything_ends_and_its_address_is_free(tmp_path: Path) -> None:
    environment = {"GLUONSERVE_MONITOR": "beside"}
    with running_server(tmp_path, application=APPLICATION, environment=environment) as server:
        # The master, two workers, the doorman and its keeper, the watcher and its keeper.
        wait_until(lambda: len(list_processes(tmp_path)) == 7, seconds=PATIENCE)
        server.process.kill()
        server.process.wait()
        host, _, port = server.url.removeprefix("http://").rpartition(":")
        wait_until(lambda: can_listen(host, int(port)), seconds=10)
        wait_until(lambda: not list_processes(tmp_path), seconds=20)


def can_listen(host: str, port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()
        except OSError:
            return False
        return True


def test_a_worker_that_was_stopped_is_replaced(tmp_path: Path, make_key: Callable[..., str]) -> None:
    environment = {"GLUONSERVE_HUNG_AFTER": "2"}
    with running_server(tmp_path, workers=1, application=APPLICATION, environment=environment) as server:
        key = make_key(tmp_path)
        (stopped,) = server.workers()
        os.kill(stopped, signal.SIGSTOP)
        wait_until(lambda: server.workers() not in ([], [stopped]), seconds=PATIENCE)
        wait_until(server.is_ready, seconds=PATIENCE)
        assert server.predict([ROW], key).status_code == 200
        assert any("has stopped: no sign of life" in line for line in server.log_lines())


def test_workers_are_replaced_after_enough_requests_and_no_request_fails(
    tmp_path: Path, make_key: Callable[..., str]
) -> None:
    environment = {"GLUONSERVE_MAX_REQUESTS": "40"}
    with running_server(tmp_path, workers=1, application=APPLICATION, environment=environment) as server:
        key, before = make_key(tmp_path), server.workers()
        with ThreadPoolExecutor(4) as callers:
            answers = list(callers.map(lambda _: ask(server, key), range(60)))
            rounds = 0
            while server.workers() == before and rounds < 100:
                rounds += 1
                answers += callers.map(lambda _: ask(server, key), range(20))
        assert set(answers) == {200}
        assert server.workers() != before
        wait_until(lambda: len(server.workers()) == 1, seconds=PATIENCE)


def ask(server: RunningServer, key: str) -> int:
    return server.predict([ROW], key).status_code
