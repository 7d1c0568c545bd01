"""When answers are looked for, and when the model is faster."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest

from app.runtime.cost_curve import CostCurve
from app.runtime.rows import TypedRow
from app.serving.cache.counts import CacheCounts
from app.serving.cache.worth import TRIED, Worth
from tests.serving.cache.builders import CountingExecutor, make_caching, make_worth

LOOK = CostCurve(fixed_seconds=1e-6, seconds_per_row=1e-5)
# One row is dearer than a look for it, a thousand together are not.
MODEL = CostCurve(fixed_seconds=1e-4, seconds_per_row=5e-6)


def make_rows(count: int, *, first: int = 0) -> Sequence[TypedRow]:
    return [(first + position,) for position in range(count)]


def test_what_costs_more_than_the_model_is_not_looked_for() -> None:
    worth = make_worth(LOOK, MODEL)
    assert (worth.judge(1), worth.judge(1000)) == ("pays", "costs more")
    assert worth.pays(make_rows(1))
    assert not any(worth.pays(make_rows(1000, first=first)) for first in range(100))


def test_where_the_cost_is_not_known_nobody_looks() -> None:
    assert make_worth(None).judge(1) == "costs more"


def test_where_hardly_anything_is_found_few_are_looked_for_until_they_are_found_again() -> None:
    worth = make_worth(LOOK, MODEL)
    for _ in range(500):
        worth.note(looked_for=1, found=0)
    assert worth.judge(1) == "finds too little"
    tried = [first for first in range(1600) if worth.pays(make_rows(1, first=first))]
    assert 0.5 < len(tried) / (1600 / TRIED) < 2
    assert tried == [first for first in range(1600) if worth.pays(make_rows(1, first=first))]
    for _ in range(500):
        worth.note(looked_for=1, found=1)
    assert worth.judge(1) == "pays"


def test_a_model_that_takes_its_time_is_looked_past_also_while_the_cache_fills() -> None:
    worth = make_worth(LOOK, CostCurve(fixed_seconds=0.02, seconds_per_row=1e-3))
    for _ in range(5000):
        worth.note(looked_for=1, found=0)
    assert worth.judge(1) == "pays"


def test_requests_of_other_sizes_are_judged_by_what_was_found_for_them() -> None:
    worth = make_worth(LOOK, MODEL)
    for _ in range(100):
        worth.note(looked_for=8, found=0)
    assert (worth.judge(1), worth.judge(8)) == ("pays", "finds too little")


def test_what_holds_is_said_once_and_again_when_it_has_changed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "app.serving.cache.worth")
    now = 0.0
    worth = Worth("in memory", look=lambda: LOOK, model=lambda: MODEL, clock=lambda: now)
    for _ in range(3):
        worth.tell("3")
    for _ in range(500):
        worth.note(looked_for=1, found=0)
    worth.tell("3")
    assert caplog.messages == [
        "Version 3: to look for answers in memory pays for one row (a look takes 0.011 ms, the model 0.11 ms) "
        "and costs more for 1,000 rows (10 ms, 5.1 ms)."
    ]
    now = 601.0
    worth.tell("3")
    assert len(caplog.messages) == 2
    assert "finds too little for one row" in caplog.messages[1]


def test_a_caching_executor_does_not_look_where_it_does_not_pay() -> None:
    executor, counts = CountingExecutor(), CacheCounts()
    caching = make_caching(executor, worth=make_worth(MODEL, LOOK), counts=counts)
    for _ in range(2):
        assert caching.predict([(1,)]).cached_rows == 0
    assert (len(executor.passes), counts.unasked) == (2, 2)


def test_the_share_of_rows_that_are_found_is_learned_from_requests() -> None:
    caching = make_caching(CountingExecutor(), worth=(worth := make_worth(LOOK, MODEL)))
    for position in range(500):
        caching.predict([(position,)])
    assert worth.judge(1) == "finds too little"
