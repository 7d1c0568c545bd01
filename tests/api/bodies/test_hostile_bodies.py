"""The costliest bodies that are known: what they cost grows as they do, and they are answered, not survived."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.errors import FieldFault, InvalidRows
from app.runtime.rows import RowRules, RowValidator
from tests.bench.worst.bodies import BODIES
from tests.bench.worst.measuring import ACCEPTED, Judge, judging
from tests.bench.worst.schemas import CHURN, EVERY_KIND

SMALL, LARGE = 250_000, 1_000_000
# Four times the bytes cost four times as much; whatever is quadratic costs sixteen times. Timings are noisy.
MOST_GROWTH = 9
# A cost too small to be told from noise.
LEAST_MS = 2


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    home: Path = tmp_path_factory.mktemp("hostile")
    with judging(home, EVERY_KIND) as judge:
        yield judge


@pytest.mark.parametrize("name", BODIES)
def test_four_times_the_bytes_cost_about_four_times_as_much(judge: Judge, name: str) -> None:
    small, large = BODIES[name](EVERY_KIND, SMALL), BODIES[name](EVERY_KIND, LARGE)
    costs = [(judge.measure(small, times=2), judge.measure(large, times=2)) for _ in range(2)]
    growth = min(high.milliseconds / max(low.milliseconds, LEAST_MS) for low, high in costs)
    assert growth < MOST_GROWTH
    assert {cost.status for pair in costs for cost in pair} <= {ACCEPTED, 400, 413, 422}
    assert costs[0][1].answer_bytes < 400_000


def test_without_a_limit_of_faults_the_same_rows_cost_many_times_as_much() -> None:
    """The control of the above: what the limit takes off."""
    rows: list[Any] = [{feature.name: [] for feature in CHURN.features} for _ in range(3000)]
    validator, unbounded = RowValidator(CHURN), RowValidator(CHURN, RowRules(most_faults=10**9))
    began = time.thread_time()
    with pytest.raises(InvalidRows) as limited:
        validator.check(rows)
    between = time.thread_time()
    with pytest.raises(InvalidRows) as unlimited:
        unbounded.check(rows)
    assert time.thread_time() - between > 5 * (between - began)
    assert len(limited.value.faults) == 1000
    assert len(unlimited.value.faults) == 3000 * len(CHURN.features)
    assert limited.value.faults == unlimited.value.faults[:1000]
    assert limited.value.detail == "More than 1000 faults found; the first 1000 are listed under 'errors'."


def test_a_fault_after_many_warnings_is_found_and_warnings_are_forgotten() -> None:
    rows: list[dict[str, Any]] = [
        {**{f.name: "u" if f.type == "category" else f.sample for f in CHURN.features}} for _ in range(2000)
    ]
    checked = RowValidator(CHURN).check(rows)
    assert len(checked.warnings) == 1001
    assert checked.warnings[-1] == FieldFault(None, None, "There are more warnings than these 1000.")
    rows[1999]["tenure"] = "x"
    with pytest.raises(InvalidRows) as refused:
        RowValidator(CHURN).check(rows)
    assert [(fault.row, fault.field) for fault in refused.value.faults] == [(1999, "tenure")]


def test_what_training_has_not_seen_is_typed_alike_before_and_after_the_limit_of_warnings() -> None:
    rules = RowRules(most_faults=3)
    row = {
        **{f.name: f.sample for f in CHURN.features},
        "tenure": "500",
        "contract": " Ten years ",
        "total_charges": 77,
    }
    checked = RowValidator(CHURN, rules).check([row] * 9)
    assert len(set(checked.rows)) == 1
    assert checked.rows == RowValidator(CHURN).check([row]).rows * 9


def test_rejected_values_stop_the_check_at_the_limit_and_come_in_order() -> None:
    row = {**{f.name: f.sample for f in CHURN.features}, "contract": "Ten years"}
    rows = [row, {**row, "tenure": "x"}, "no row", *[row] * 9]
    rules = RowRules(on_unseen_value="reject", most_faults=5)
    with pytest.raises(InvalidRows) as refused:
        RowValidator(CHURN, rules).check(rows)
    assert [(fault.row, fault.field) for fault in refused.value.faults] == [
        (0, "contract"),
        (1, "contract"),
        (1, "tenure"),
        (2, None),
        (3, "contract"),
    ]
    assert refused.value.detail.startswith("More than 5 faults found")
