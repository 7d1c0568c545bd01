"""More requests than the real server can answer: who comes too late to be answered soon is told at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.api.builders import ROW
from tests.flows.overload.hanging import IS_SLOW
from tests.server import RunningServer, running_server

APPLICATION = "tests.flows.overload.hanging:make_hanging()"
SLOW_REQUESTS = 12
SECONDS_TO_LEARN = 3
PATIENCE_SECONDS = 3


def send(server: RunningServer, key: str, *, tenure: int, seconds: float) -> requests.Response | None:
    """What is answered within the patience of the caller."""
    body = {"data": [{**ROW, "tenure": tenure}]}
    try:
        return requests.post(f"{server.url}/predict", json=body, headers={"X-API-Key": key}, timeout=seconds)
    except requests.RequestException:
        return None


@pytest.mark.parametrize(("most_wait_ms", "statuses"), [("1000", [503]), ("0", [])])
def test_who_would_wait_too_long_is_refused_at_once_and_without_a_doorman_waits(
    tmp_path: Path, make_key: Callable[..., str], most_wait_ms: str, statuses: list[int]
) -> None:
    environment = {"GLUONSERVE_MOST_WAIT_MS": most_wait_ms, "GLUONSERVE_THREADS": "1"}
    with running_server(tmp_path, workers=1, environment=environment, application=APPLICATION) as server:
        key = make_key(tmp_path)
        others = [
            threading.Thread(target=send, args=(server, key), kwargs={"tenure": IS_SLOW, "seconds": 60})
            for _ in range(SLOW_REQUESTS)
        ]
        for thread in others:
            thread.start()
        time.sleep(SECONDS_TO_LEARN)
        answer = send(server, key, tenure=1, seconds=PATIENCE_SECONDS)
        assert [answer.status_code for answer in [answer] if answer is not None] == statuses
        if answer is not None:
            assert answer.json()["error"] == "overloaded"
            assert int(answer.headers["Retry-After"]) > 1
        end_at_once(server)
        for thread in others:
            thread.join()


def end_at_once(server: RunningServer) -> None:
    workers = server.workers()
    server.process.kill()
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
