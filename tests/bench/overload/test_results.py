from __future__ import annotations

from dataclasses import replace

import pytest

from tests.bench.load.open_loop import Answer
from tests.bench.overload.probing import HealthAnswer
from tests.bench.overload.results import OverloadResult, find_broken_promises, summarise

GOOD = OverloadResult(
    execution="plan",
    deadline_ms=5000.0,
    capacity=1000.0,
    offered=3000.0,
    goodput=900.0,
    answered=54_000,
    refused=126_000,
    late=0,
    lost=0,
    accepted_p99_ms=1200.0,
    refusal_p50_ms=8.0,
    refusal_p99_ms=30.0,
    health_p99_ms=30.0,
    health_slowest_ms=90.0,
    health_failed=0,
    usual_p99_ms=10.0,
    after_p99_ms=12.0,
    after_failed=0,
    late_starts=3,
    lost_to={},
)


def make_answer(status: int | None, latency_ms: float) -> Answer:
    return Answer(0, 10.0, 10.0, 10.0 + latency_ms / 1000, status, b"")


def test_a_good_run_breaks_no_promise() -> None:
    assert find_broken_promises([GOOD]) == []


def test_the_goodput_of_the_middle_round_counts() -> None:
    slow = replace(GOOD, goodput=500.0)
    assert find_broken_promises([GOOD, slow, GOOD]) == []
    assert find_broken_promises([slow, GOOD, slow]) == ["goodput is 50% of the capacity"]


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (replace(GOOD, goodput=890.0), "goodput is 89% of the capacity"),
        (replace(GOOD, lost=1), "1 requests got no answer, or one that is not documented"),
        (replace(GOOD, accepted_p99_ms=5001.0), "accepted p99 is 5001 ms, the deadline 5000 ms"),
        (replace(GOOD, accepted_p99_ms=float("nan")), "accepted p99 is nan ms, the deadline 5000 ms"),
        (replace(GOOD, refusal_p99_ms=51.0), "p99 of refusals is 51 ms"),
        (replace(GOOD, health_slowest_ms=101.0), "health: slowest 101 ms, 0 failed"),
        (replace(GOOD, health_failed=1), "health: slowest 90 ms, 1 failed"),
        (replace(GOOD, after_p99_ms=31.0), "afterwards p99 is 31 ms, 0 failed"),
        (replace(GOOD, after_failed=2), "afterwards p99 is 12 ms, 2 failed"),
    ],
)
def test_whatever_does_not_hold_is_said(broken: OverloadResult, sentence: str) -> None:
    assert find_broken_promises([broken]) == [sentence]


def test_answers_are_counted_by_what_became_of_them() -> None:
    flood = [
        make_answer(200, 10.0),
        make_answer(200, 6000.0),
        make_answer(503, 5.0),
        make_answer(504, 5000.0),
        make_answer(500, 1.0),
        replace(make_answer(None, 1.0), fault="reset"),
    ]
    found = summarise(
        execution="plan",
        deadline_ms=5000.0,
        capacity=1.0,
        offered=3.0,
        seconds=2.0,
        usual=[make_answer(200, 7.0)],
        flood=flood,
        after=[make_answer(200, 8.0), make_answer(503, 1.0)],
        health=[HealthAnswer("/health", 10.0, 40.0, 200), HealthAnswer("/health", 11.0, 50.0, 503)],
    )
    assert (found.goodput, found.answered, found.refused, found.late, found.lost) == (0.5, 2, 1, 1, 2)
    assert found.lost_to == {"500": 1, "reset": 1}
    assert (found.refusal_p50_ms, found.usual_p99_ms) == pytest.approx((5.0, 7.0))
    assert (found.health_slowest_ms, found.health_failed, found.after_failed) == (50.0, 1, 1)
