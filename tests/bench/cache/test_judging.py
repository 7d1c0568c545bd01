"""The judge of outages finds what it is there for, and says when a machine is too noisy for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.bench.cache.__main__ import find_noticed_outages, find_slow_cache
from tests.bench.cache.outage import Outage, Round, Stretch
from tests.bench.cache.speed import OURS, WRK, Speed

QUIET = Stretch(first=3.0, later=2.5)
ROUND = Round(usual=QUIET, control=QUIET, faulty=Stretch(first=55.0, later=2.0), found=0.98, back_seconds=0.3)
KNOWN = Speed(
    "native",
    WRK,
    8,
    known_p50_ms=3.0,
    computed_p50_ms=80.0,
    times_as_fast=26.0,
    times_the_throughput=24.0,
    other_answers=0,
)


def judge(failed: int = 0, **changes: Any) -> list[str]:
    """Two rounds of three are as they are told to be."""
    changed = replace(ROUND, **changes)
    return list(find_noticed_outages([Outage("stopped", 3000, failed, [changed, ROUND, changed])]))


def test_an_outage_that_nobody_notices_for_long_is_as_promised() -> None:
    assert judge() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"failed": 1}, "1 of 3000 requests failed"),
        ({"faulty": Stretch(first=64.0, later=2.0)}, "first second is 61 ms above normal"),
        ({"faulty": Stretch(first=55.0, later=4.6)}, "later is 2.1 ms above normal"),
        ({"back_seconds": 2.1}, "after 2.1 s"),
        ({"found": 0.4}, "this says nothing"),
        ({"control": Stretch(first=3.0, later=5.0)}, "a noisy machine"),
    ],
)
def test_what_is_noticed_is_said(changes: dict[str, Any], said: str) -> None:
    (sentence,) = judge(**changes)
    assert said in sentence


def test_known_rows_are_judged_by_the_client_that_leaves_the_processors_to_the_server() -> None:
    slow = replace(KNOWN, times_as_fast=19.0)
    assert list(find_slow_cache([KNOWN, replace(slow, client=OURS)])) == []
    (sentence,) = find_slow_cache([slow])
    assert "19.00 times as fast, 20 are promised" in sentence
