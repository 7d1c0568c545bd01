from __future__ import annotations

import math

import pytest

from app.serving.rollout.routing import is_chosen

CALLERS = [f"caller-{number}" for number in range(20_000)]


def choose(version: str, share: float) -> set[str]:
    return {caller for caller in CALLERS if is_chosen(caller, version=version, share=share)}


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5])
def test_a_share_is_kept_within_five_standard_deviations_of_chance(share: float) -> None:
    deviation = math.sqrt(len(CALLERS) * share * (1 - share))
    assert abs(len(choose("4", share)) - share * len(CALLERS)) < 5 * deviation


def test_nobody_and_everybody_are_shares_too() -> None:
    assert choose("4", 0.0) == set()
    assert choose("4", 1.0) == set(CALLERS)


def test_a_caller_stays_with_its_version_in_every_process() -> None:
    # Values of another process: a hash that depends on the process, such as Python's own, would fail here.
    assert [number for number in range(60) if is_chosen(f"caller-{number}", version="4", share=0.1)] == [
        16,
        24,
        34,
        36,
        50,
        54,
    ]


def test_a_larger_share_keeps_the_callers_of_a_smaller_one() -> None:
    assert choose("4", 0.05) < choose("4", 0.2)


def test_another_version_has_other_callers() -> None:
    both = choose("4", 0.1) & choose("5", 0.1)
    assert 100 < len(both) < 300


def test_any_text_of_a_header_has_a_place() -> None:
    assert is_chosen("\udce9\x00" * 1000, version="4", share=1.0)
