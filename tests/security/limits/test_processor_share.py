"""Who may begin a large request: alone always, beside others only as often as its share allows."""

from __future__ import annotations

import pytest

from app.security.limits.processor_share import (
    FREE_SECONDS,
    PRESENCE_SECONDS,
    FairProcessorShare,
    ProcessorShare,
    WholeProcessor,
)
from tests.security.builders import Clock


def make_share(share: float = 0.5) -> tuple[FairProcessorShare, Clock]:
    clock = Clock()
    return FairProcessorShare(share=share, clock=clock), clock


def run_for(
    processor: ProcessorShare, clock: Clock, *, seconds: float, heavy: list[str], light: list[str], cost: float
) -> dict[str, float]:
    """Let heavy callers ask again and again, each getting the worker for `cost` seconds; return what each got."""
    got, end = dict.fromkeys(heavy, 0.0), clock.seconds + seconds
    while clock.seconds < end:
        for caller in light:
            processor.note_presence(caller)
        admitted = [caller for caller in heavy if not processor.seconds_to_wait(caller)]
        for caller in admitted:
            got[caller] += compute(processor, clock, caller, seconds=cost)
        clock.seconds += 0 if admitted else 0.06
    return got


def compute(processor: ProcessorShare, clock: Clock, caller: str, *, seconds: float, expected: float = 0.1) -> float:
    """One large request that was expected to take another time than it does."""
    begun = processor.begin(caller, expected_seconds=expected)
    clock.seconds += seconds
    processor.end(caller, begun, expected_seconds=expected)
    return seconds


def test_a_caller_alone_may_use_the_whole_worker() -> None:
    processor, clock = make_share()
    assert run_for(processor, clock, seconds=100, heavy=["batch"], light=[], cost=1.0)["batch"] == 100.0


@pytest.mark.parametrize("share", [0.25, 0.5, 0.8])
def test_beside_others_it_gets_its_share(share: float) -> None:
    processor, clock = make_share(share)
    got = run_for(processor, clock, seconds=100, heavy=["batch"], light=["web"], cost=1.0)
    assert got["batch"] == pytest.approx(100 * share, abs=2)


def test_callers_of_large_requests_divide_the_share_when_others_are_there() -> None:
    processor, clock = make_share()
    got = run_for(processor, clock, seconds=100, heavy=["batch", "report"], light=["web"], cost=1.0)
    assert got["batch"] == pytest.approx(got["report"], abs=2)
    assert sum(got.values()) == pytest.approx(50, abs=4)


def test_callers_of_large_requests_divide_the_whole_worker_when_nobody_else_is_there() -> None:
    processor, clock = make_share()
    got = run_for(processor, clock, seconds=100, heavy=["batch", "report"], light=[], cost=1.0)
    assert got["batch"] == pytest.approx(got["report"], abs=2)
    assert sum(got.values()) == pytest.approx(100, abs=5)


def test_without_the_guard_it_takes_everything() -> None:
    got = run_for(WholeProcessor(), Clock(), seconds=100, heavy=["batch"], light=["web"], cost=1.0)
    assert got["batch"] == 100.0


def test_one_large_request_at_a_time_is_let_in_beside_others() -> None:
    processor, clock = make_share()
    processor.note_presence("web")
    assert processor.seconds_to_wait("batch") == 0
    processor.begin("batch", expected_seconds=1.1)
    clock.seconds += 0.1
    processor.note_presence("web")
    assert processor.seconds_to_wait("batch") > 0
    assert processor.seconds_to_wait("report") == 0


def test_after_the_told_wait_it_may_begin_and_not_long_before() -> None:
    processor, clock = make_share()
    processor.note_presence("web")
    compute(processor, clock, "batch", seconds=1.0)
    seconds = processor.seconds_to_wait("batch")
    # Half of the second was paid back while it lasted.
    assert seconds == pytest.approx((0.5 - FREE_SECONDS) / 0.5, abs=0.2)
    for part in (0.9, 0.15):
        clock.seconds += seconds * part
        processor.note_presence("web")
        is_over = part < 0.5
        assert (processor.seconds_to_wait("batch") == 0) is is_over


def test_what_was_used_alone_is_not_owed_later() -> None:
    processor, clock = make_share()
    run_for(processor, clock, seconds=100, heavy=["batch"], light=[], cost=1.0)
    processor.note_presence("web")
    clock.seconds += 0.1
    assert processor.seconds_to_wait("batch") == 0


def test_time_not_used_is_not_saved_up() -> None:
    processor, clock = make_share()
    assert processor.seconds_to_wait("batch") == 0
    clock.seconds += 1000
    processor.note_presence("web")
    compute(processor, clock, "batch", seconds=1.0)
    assert processor.seconds_to_wait("batch") > 0


def test_a_cost_that_was_expected_too_high_is_given_back() -> None:
    processor, clock = make_share()
    processor.note_presence("web")
    compute(processor, clock, "batch", seconds=0.05, expected=10.0)
    processor.note_presence("web")
    assert processor.seconds_to_wait("batch") == 0


def test_requests_that_run_at_once_take_a_part_of_the_time_each() -> None:
    processor, clock = make_share()
    begun = [processor.begin(caller, expected_seconds=0.1) for caller in ("batch", "report")]
    clock.seconds += 2
    first = processor.end("batch", begun[0], expected_seconds=0.1)
    clock.seconds += 1
    second = processor.end("report", begun[1], expected_seconds=0.1)
    assert (first, second) == (1.0, 2.0)


def test_who_went_away_is_no_longer_in_the_way_and_is_forgotten() -> None:
    processor, clock = make_share()
    processor.note_presence("web")
    compute(processor, clock, "batch", seconds=100.0)
    clock.seconds += PRESENCE_SECONDS + 0.1
    assert processor.seconds_to_wait("batch") == 0
    clock.seconds += 300
    processor.note_presence("web")
    assert processor.known_callers == 1
