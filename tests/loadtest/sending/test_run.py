"""Whole runs against servers that stall, refuse and vanish."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from app.loadtest.sending.pace import ClosedLoop, OpenLoop, Pace
from app.loadtest.sending.requests import PredictionRequests, write_post_head
from app.loadtest.sending.run import LoadRun, Progress, RunResult
from app.loadtest.sending.target import read_target
from tests.loadtest.scripted_server import (
    HEAD_END,
    Script,
    answering,
    read_request,
    scripted_server,
    write_answer,
    write_problem,
)
from tests.server import find_free_port

ROWS = [b'{"a":%d}' % number for number in range(7)]
STALL_SECONDS = 0.6


def ignore(_: Progress) -> None:
    pass


def run_against(
    port: int,
    pace: Pace,
    *,
    users: int,
    timeout_seconds: float = 5.0,
    on_progress: Callable[[Progress], None] = ignore,
) -> RunResult:
    head = write_post_head(read_target(f"http://127.0.0.1:{port}"), key=None)
    requests = PredictionRequests(ROWS, head, rows_per_request=1)
    run = LoadRun(
        requests,
        lambda timeout: socket.create_connection(("127.0.0.1", port), timeout),
        pace,
        users=users,
        timeout_seconds=timeout_seconds,
    )
    return run.run(on_progress)


def count_outcomes(result: RunResult) -> Counter[str]:
    return Counter(result.samples.names[number] for number in result.samples.outcomes)


def stalling(*, after: int, seconds: float = STALL_SECONDS) -> Script:
    """Answer at once, but let everybody wait for a while once, as a server does that collects garbage or loads."""
    turn, count = threading.Lock(), iter(range(1_000_000))

    def answer(_: bytes) -> bytes:
        with turn:
            if next(count) == after:
                time.sleep(seconds)
        return write_answer()

    return answering(answer)


def test_every_user_sends_its_requests_with_all_rows_in_turn() -> None:
    with scripted_server(answering()) as server:
        result = run_against(server.port, ClosedLoop(requests_per_user=7), users=3)
    assert count_outcomes(result) == {"success": 21}
    bodies = Counter(request.partition(HEAD_END)[2] for request in server.requests)
    assert bodies == {b'{"data":[%b]}' % row: 3 for row in ROWS}
    assert server.connections == 3


def test_moments_follow_each_other() -> None:
    with scripted_server(answering()) as server:
        samples = run_against(server.port, OpenLoop(rate=200.0, requests=20), users=4).samples
    assert np.diff(samples.due) == pytest.approx(np.full(19, 1 / 200))
    assert (samples.due <= samples.begun).all()
    assert (samples.begun < samples.ended).all()


def test_a_stall_counts_for_all_who_would_have_come_in_it() -> None:
    with scripted_server(stalling(after=40)) as server:
        result = run_against(server.port, OpenLoop(rate=200.0, seconds=0.9), users=32)
    # Two of three were due while the server stood still.
    assert np.percentile(result.samples.latencies_ms, 50) > 1000 * STALL_SECONDS / 10
    assert np.percentile(result.samples.latencies_ms, 90) > 1000 * STALL_SECONDS / 2
    # More were due than there were users: they began late, and nothing of that is left out.
    assert result.samples.lateness_ms.max() > 1000 * STALL_SECONDS / 2
    assert len(result.samples) + result.unsent == 180


def test_a_closed_loop_hides_the_same_stall() -> None:
    with scripted_server(stalling(after=40)) as server:
        result = run_against(server.port, ClosedLoop(requests_per_user=100), users=2)
    assert result.samples.latencies_ms.max() > 1000 * STALL_SECONDS / 2
    assert np.percentile(result.samples.latencies_ms, 90) < 1000 * STALL_SECONDS / 10


def test_what_nobody_was_free_to_send_is_counted_and_the_run_ends_in_time() -> None:
    def answer_slowly(_: bytes) -> bytes:
        time.sleep(0.1)
        return write_answer()

    with scripted_server(answering(answer_slowly)) as server:
        result = run_against(server.port, OpenLoop(rate=1000.0, seconds=0.5), users=2)
    assert len(result.samples) + result.unsent == 500
    assert result.unsent > 400
    assert result.seconds < 5


def test_failures_are_told_apart() -> None:
    kinds = iter(range(1_000_000))

    def script(connection: socket.socket) -> None:
        request = read_request(connection)
        kind = next(kinds) % 4
        if request and kind == 1:
            connection.sendall(write_problem(503, "overloaded"))
        elif kind == 2:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        elif kind == 3:
            time.sleep(1.0)
        else:
            connection.sendall(write_answer(headers="Connection: close\r\n"))

    with scripted_server(script) as server:
        result = run_against(server.port, ClosedLoop(requests_per_user=8), users=1, timeout_seconds=0.2)
    assert count_outcomes(result) == {
        "success": 2,
        "503 overloaded": 2,
        "connection closed before the whole answer": 2,
        "timeout": 2,
    }


def test_a_server_that_is_gone_is_a_failure_of_every_request() -> None:
    result = run_against(find_free_port(), ClosedLoop(requests_per_user=5), users=2)
    assert count_outcomes(result) == {"connection refused": 10}


def test_somebody_is_told_how_far_it_is() -> None:
    told: list[Progress] = []
    with scripted_server(answering(write_problem(500, "internal_error"))) as server:
        run_against(server.port, ClosedLoop(seconds=0.55), users=2, on_progress=told.append)
    assert len(told) >= 2
    assert 0 < told[0].requests < told[-1].requests
    assert told[-1].failed == told[-1].requests


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, also where whoever started the tests has it ignored, as shells do in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupted_run_keeps_what_it_has_and_says_what_it_gave_up(interruptible: None) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.seconds > 0.4:
            signal.raise_signal(signal.SIGINT)

    with scripted_server(stalling(after=3, seconds=2.0)) as server:
        result = run_against(server.port, OpenLoop(rate=20.0, seconds=60.0), users=2, on_progress=interrupt)
    assert result.was_interrupted
    # Both users wait: one for the stalled answer, the other behind it. What was due later is not counted at all.
    assert result.unanswered == 2
    assert result.unsent < 20
    assert 3 <= len(result.samples) < 100
    assert result.seconds < 10
