from __future__ import annotations

import pytest

from config.front.doorman.pace import Pace


def note(pace: Pace, *, seconds: float, per_second: float, waited: bool = True) -> Pace:
    """As many as are taken at this rate for so long, noted every hundredth of a second."""
    begun = pace._at
    had = pace._taken or 0
    for number in range(1, int(seconds * 100) + 1):
        pace.note(taken=had + int(number / 100 * per_second), at=begun + number / 100, waited=waited)
    return pace


@pytest.mark.parametrize("per_second", [2.0, 30.0, 2000.0])
def test_the_pace_is_known_after_a_second(per_second: float) -> None:
    assert note(Pace(), seconds=1.2, per_second=per_second).per_second == pytest.approx(per_second, rel=0.2)


def test_a_change_is_followed_within_seconds() -> None:
    assert note(note(Pace(), seconds=2, per_second=500), seconds=4, per_second=50).per_second < 75


def test_what_is_taken_while_nothing_waits_says_nothing() -> None:
    assert note(note(Pace(), seconds=2, per_second=500), seconds=60, per_second=1, waited=False).per_second > 450


def test_without_a_worker_the_wait_becomes_long_but_stays_a_number() -> None:
    pace = note(note(Pace(), seconds=2, per_second=500), seconds=60, per_second=0)
    assert pace.estimate_seconds(10) == 100.0
