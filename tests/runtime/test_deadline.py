from __future__ import annotations

import time

import pytest

from app.errors import DeadlineExceeded
from app.runtime.deadline import NO_DEADLINE, Deadline, answering_by, current_deadline


def test_without_a_deadline_there_is_always_time() -> None:
    NO_DEADLINE.require_time()
    assert NO_DEADLINE.seconds_left() is None


def test_a_deadline_ahead_leaves_time() -> None:
    deadline = Deadline.after(60)
    deadline.require_time()
    assert 0 < (deadline.seconds_left() or 0) <= 60


def test_nothing_is_left_of_a_deadline_that_has_passed() -> None:
    deadline = Deadline.after(-1)
    assert deadline.seconds_left() == 0
    with pytest.raises(DeadlineExceeded):
        deadline.require_time()


def test_a_thread_knows_the_deadline_of_its_request_only_as_long_as_it_answers_it() -> None:
    deadline = Deadline(time.monotonic() + 60)
    with answering_by(deadline):
        assert current_deadline() is deadline
    assert current_deadline() is NO_DEADLINE
