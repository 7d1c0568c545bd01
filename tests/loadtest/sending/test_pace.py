"""When requests are due."""

from __future__ import annotations

import time
from itertools import islice

import pytest

from app.loadtest.sending.pace import AT_ONCE, ClosedLoop, OpenLoop


def test_a_user_of_a_closed_loop_sends_so_many_requests_each_at_once() -> None:
    pace = ClosedLoop(requests_per_user=3)
    assert [list(pace.list_due(0.0)) for _ in range(2)] == [[AT_ONCE] * 3] * 2


def test_a_closed_loop_ends_when_its_time_is_up() -> None:
    due = ClosedLoop(seconds=0.05).list_due(time.perf_counter())
    assert next(due) is AT_ONCE
    time.sleep(0.06)
    assert list(due) == []


def test_the_users_of_an_open_loop_share_one_sequence_of_moments() -> None:
    pace, begun = OpenLoop(rate=100.0, requests=5), time.perf_counter()
    one, other = pace.list_due(begun), pace.list_due(begun)
    moments = [next(one), next(other), next(one), next(other), next(one)]
    assert moments == [pytest.approx(begun + number / 100) for number in range(5)]
    assert (list(one), list(other)) == ([], [])


def test_an_open_loop_leaves_unsent_what_nobody_got_to_in_time() -> None:
    pace = OpenLoop(rate=1000.0, seconds=0.05)
    due = pace.list_due(time.perf_counter())
    assert len(list(islice(due, 3))) == 3
    time.sleep(0.06)
    assert list(due) == []
    assert pace.count_due(9.0) == 50


@pytest.mark.parametrize(
    ("pace", "due"),
    [
        (OpenLoop(rate=100.0, seconds=10.0), 150),
        (OpenLoop(rate=100.0, requests=40), 40),
        (OpenLoop(rate=0.5, seconds=10.0), 1),
        (ClosedLoop(seconds=10.0), 0),
    ],
)
def test_what_was_due_in_a_time_is_known_without_looking(pace: ClosedLoop | OpenLoop, due: int) -> None:
    assert pace.count_due(1.5) == due
