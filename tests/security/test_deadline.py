"""Calls that hang are left behind."""

from __future__ import annotations

import threading
import time

import pytest

from app.security.deadline import BoundedCalls, NoAnswerInTime


def test_a_result_and_an_error_reach_the_caller() -> None:
    calls = BoundedCalls(1)
    assert calls.run(lambda: 7, seconds=5) == 7
    assert calls.run(lambda: None, seconds=5) is None
    with pytest.raises(ZeroDivisionError):
        calls.run(lambda: 1 / 0, seconds=5)


def test_a_call_that_hangs_is_left_behind_in_time() -> None:
    release, started = threading.Event(), time.monotonic()
    with pytest.raises(NoAnswerInTime):
        BoundedCalls(1).run(release.wait, seconds=0.1)
    assert time.monotonic() - started < 1
    release.set()


def test_no_more_calls_hang_than_agreed_and_the_place_comes_back() -> None:
    calls, release, begun = BoundedCalls(2), threading.Event(), []
    for _ in range(5):
        with pytest.raises(NoAnswerInTime):
            calls.run(lambda: begun.append(release.wait()), seconds=0.05)
    release.set()
    assert calls.run(lambda: "served", seconds=5) == "served"
    deadline = time.monotonic() + 5
    while len(begun) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert begun == [True, True]
