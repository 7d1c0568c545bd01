"""When calls are given up, and when they are tried again."""

from __future__ import annotations

from app.redis_link.breaker import SECONDS_BETWEEN_PROBES, Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make_breaker() -> tuple[Breaker, Clock]:
    clock = Clock()
    return Breaker(clock), clock


def test_one_timeout_opens_it() -> None:
    breaker, _ = make_breaker()
    assert breaker.record_failure(at_once=True)
    assert not breaker.lets_through()


def test_three_failures_in_ten_seconds_open_it() -> None:
    breaker, clock = make_breaker()
    opened = []
    for _ in range(3):
        opened.append(breaker.record_failure(at_once=False))
        clock.now += 4.9
    assert opened == [False, False, True]


def test_three_failures_in_a_longer_time_do_not() -> None:
    breaker, clock = make_breaker()
    for _ in range(6):
        assert not breaker.record_failure(at_once=False)
        clock.now += 5.1
    assert breaker.lets_through()


def test_one_call_a_second_looks_and_its_answer_closes_it() -> None:
    breaker, clock = make_breaker()
    breaker.record_failure(at_once=True)
    clock.now += SECONDS_BETWEEN_PROBES
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]
    assert breaker.record_answer()
    assert [breaker.lets_through() for _ in range(3)] == [True, True, True]
    assert not breaker.record_answer()


def test_a_look_that_fails_keeps_it_open_and_is_no_news() -> None:
    breaker, clock = make_breaker()
    breaker.record_failure(at_once=True)
    clock.now += SECONDS_BETWEEN_PROBES
    assert breaker.lets_through()
    assert not breaker.record_failure(at_once=False)
    assert not breaker.lets_through()


def test_failures_before_an_outage_do_not_count_after_it() -> None:
    breaker, _ = make_breaker()
    for _ in range(3):
        breaker.record_failure(at_once=False)
    breaker.record_answer()
    assert not breaker.record_failure(at_once=False)
