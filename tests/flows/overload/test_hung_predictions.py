"""A prediction that never ends, on the real server: its caller is answered, its worker is replaced, others finish."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.api.builders import ROW
from tests.flows.overload.hanging import IS_SLOW, KEEPS_INTERPRETER, SLEEPS
from tests.server import RunningServer, running_server, wait_until

APPLICATION = "tests.flows.overload.hanging:make_hanging()"
HUNG_AFTER_SECONDS = 2
PATIENCE = 60


@contextmanager
def hanging_server(home: Path, *, hung_after: int = HUNG_AFTER_SECONDS) -> Iterator[RunningServer]:
    environment = {
        "GLUONSERVE_HUNG_AFTER": str(hung_after),
        "GLUONSERVE_REQUEST_TIMEOUT_MS": "1000",
        "GLUONSERVE_THREADS": "3",
    }
    with running_server(home, workers=1, environment=environment, application=APPLICATION) as server:
        yield server


def ask(server: RunningServer, key: str, tenure: int, answers: dict[int, Any]) -> threading.Thread:
    """Ask for a prediction in a thread, which notes the status, or the kind of failure, under the tenure."""

    def work() -> None:
        try:
            answer = server.predict([{**ROW, "tenure": tenure}], key)
            answers[tenure] = (answer.status_code, answer.json().get("error"))
        except requests.RequestException as fault:
            answers[tenure] = type(fault).__name__

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_the_caller_of_a_hung_prediction_is_told_and_its_worker_replaced_when_others_are_done(
    tmp_path: Path, make_key: Callable[..., str]
) -> None:
    with hanging_server(tmp_path) as server:
        key, before, answers = make_key(tmp_path), server.workers(), dict[int, Any]()
        hung = ask(server, key, SLEEPS, answers)
        time.sleep(1)  # The other one is still being answered when the first is found to hang.
        slow = ask(server, key, IS_SLOW, answers)
        hung.join(PATIENCE)
        slow.join(PATIENCE)
        assert answers == {SLEEPS: (504, "deadline_exceeded"), IS_SLOW: (200, None)}
        wait_until(lambda: server.workers() not in ([], before), seconds=PATIENCE)
        wait_until(server.is_ready, seconds=PATIENCE)
        assert server.predict([ROW], key).status_code == 200
        (line,) = [line for line in server.log_lines() if "counts as hung" in line]
        assert "predict (hanging.py:" in line


def test_a_prediction_that_keeps_the_interpreter_to_itself_ends_with_its_worker(
    tmp_path: Path, make_key: Callable[..., str]
) -> None:
    with hanging_server(tmp_path) as server:
        key, before, answers = make_key(tmp_path), server.workers(), dict[int, Any]()
        hung = ask(server, key, KEEPS_INTERPRETER, answers)
        hung.join(PATIENCE)
        assert answers == {KEEPS_INTERPRETER: "ConnectionError"}
        wait_until(lambda: server.workers() not in ([], before), seconds=PATIENCE)
        wait_until(server.is_ready, seconds=PATIENCE)
        assert server.predict([ROW], key).status_code == 200


def test_health_is_answered_while_all_threads_hang_and_predictions_are_refused(
    tmp_path: Path, make_key: Callable[..., str]
) -> None:
    with hanging_server(tmp_path, hung_after=0) as server:
        key, answers = make_key(tmp_path), dict[int, Any]()
        before = server.workers()
        threads = [ask(server, key, SLEEPS, answers) for _ in range(3)]
        time.sleep(HUNG_AFTER_SECONDS + 1)
        assert server.get("/health/live").status_code == 200
        refused = server.predict([ROW], key)
        assert (refused.status_code, refused.json()["error"]) in ((503, "overloaded"), (504, "deadline_exceeded"))
        # Without the watchdog they hang for as long as they like.
        assert (server.workers(), answers) == (before, {})
        server.process.kill()
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        for thread in threads:
            thread.join(PATIENCE)
