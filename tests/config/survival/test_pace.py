from __future__ import annotations

from config.survival.pace import BootPace


def count_seconds(pace: BootPace, now: float) -> float:
    return next(seconds / 4 for seconds in range(1000) if pace.may_begin(now + seconds / 4))


def test_after_a_worker_that_served_the_next_one_may_begin_at_once() -> None:
    assert BootPace().may_begin(0.0)


def test_each_further_failure_doubles_the_pause_up_to_half_a_minute() -> None:
    pace, pauses = BootPace(), []
    for number in range(10):
        pace.note_failure(arrivals=0, now=100.0 * number)
        pauses.append(count_seconds(pace, 100.0 * number))
    assert pauses == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_worker_that_comes_to_serve_in_between_begins_the_count_anew() -> None:
    pace = BootPace()
    for number in range(5):
        pace.note_failure(arrivals=0, now=float(number))
    pace.note_failure(arrivals=1, now=1000.0)
    assert count_seconds(pace, 1000.0) == 0.25
