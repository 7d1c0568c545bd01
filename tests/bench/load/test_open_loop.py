from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler

import pytest

from tests.bench.load.open_loop import Answer, measure_capacity, open_load
from tests.bench.load.requests import make_requests
from tests.bench.load.test_client import ROWS, break_off, echo, refuse, serving
from tests.server import find_free_port

RATE = 100


def answer_slowly(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    time.sleep(0.3)
    echo(handler, body)


def describe(answer: Answer) -> tuple[int | None, bytes, str | None]:
    return answer.status, answer.body, answer.fault


def test_every_answer_is_kept_with_its_request_its_moments_and_its_status() -> None:
    requests = make_requests(ROWS, rows_per_request=1, key="gsk_1", count=3)
    with serving(echo) as (address, _), open_load(address, requests, rate=RATE) as load:
        time.sleep(0.2)
    assert len(load.answers) > 3
    for answer in load.answers:
        assert describe(answer) == (200, b'{"data":[{"tenure":%d}]}' % answer.request, None)
        assert answer.intended <= answer.sent < answer.received


def test_requests_begin_when_they_are_due_whether_or_not_earlier_ones_are_answered() -> None:
    requests = make_requests(ROWS, rows_per_request=1, key="gsk_1", count=3)
    with serving(answer_slowly) as (address, _), open_load(address, requests, rate=RATE) as load:
        time.sleep(0.2)
    answers = sorted(load.answers, key=lambda answer: answer.intended)
    assert answers[9].intended - answers[0].intended == pytest.approx(9 / RATE)
    # The tenth began before the first was answered: a closed loop would have waited.
    assert answers[9].sent < answers[0].received
    assert all(answer.latency_ms >= 300 for answer in answers)


@pytest.mark.parametrize(
    ("serve", "expected"),
    [
        (refuse, (503, b"busy", None)),
        (break_off, (None, b"", "the connection was closed before the whole answer")),
    ],
)
def test_what_is_no_good_answer_is_told_apart(serve: object, expected: tuple[object, ...]) -> None:
    requests = make_requests(ROWS, rows_per_request=1, key="gsk_1", count=3)
    with serving(serve) as (address, _), open_load(address, requests, rate=RATE) as load:  # type: ignore[arg-type]
        time.sleep(0.1)
    assert {describe(answer) for answer in load.answers} == {expected}


def test_the_capacity_is_what_is_answered_to_callers_who_wait() -> None:
    requests = make_requests(ROWS, rows_per_request=1, key="gsk_1", count=3)
    with serving(answer_slowly) as (address, _):
        # Each of them waits for 0.3 s: at most 10 a second for three, whatever the machine.
        assert 1 < measure_capacity(address, requests, callers=3, seconds=1.0) <= 10.5
    with serving(refuse) as (address, _):
        assert measure_capacity(address, requests, callers=3, seconds=0.1) == 0.0


def test_where_nobody_listens_every_request_fails() -> None:
    requests = make_requests(ROWS, rows_per_request=1, key="gsk_1", count=3)
    with open_load(("127.0.0.1", find_free_port()), requests, rate=RATE) as load:
        time.sleep(0.1)
    assert {describe(answer) for answer in load.answers} == {(None, b"", "Connection refused")}
