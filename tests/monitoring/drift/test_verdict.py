from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from app.monitoring.drift.report import DriftReport, judge_window
from app.monitoring.drift.verdict import LEAST_REFERENCE_ROWS, count_tests
from app.monitoring.drift.window import Window
from app.release.profile.opening import OpenedProfile
from tests.monitoring.drift.builders import (
    FEATURES,
    PLACES,
    Row,
    change,
    make_profile,
    make_rows,
    make_sketch,
)

OPENED = make_profile()


def judge(rows: Sequence[Row], opened: OpenedProfile = OPENED) -> DriftReport:
    return judge_window(Window.read(make_sketch(rows, opened)), opened)


def sometimes(share: float, value: Any) -> Callable[[Any], Any]:
    random = np.random.default_rng(3)
    return lambda usual: value if random.random() < share else usual


# What happens to each value -> what is said of it.
CHANGES: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "shifted": ("amount", lambda value: value and value + 10, "standard deviations more (Kolmogorov-Smirnov 0."),
    "another unit": ("visits", lambda value: value * 1000, "are outside of what training had"),
    "a new category": ("city", sometimes(0.02, "Kyiv"), "are not in training"),
    "nulls": ("city", sometimes(0.2, None), "of its values are missing, 0.0% were"),
    "more of one category": ("city", sometimes(0.5, "Rome"), "its values are spread otherwise (PSI"),
    "one value only": ("member", lambda _: True, "its values are spread otherwise (PSI"),
    "other dates": ("seen", lambda value: value.replace("2026", "2027"), "its mean was 2026-0"),
    "longer texts": ("note", lambda value: value * 2, "its mean length was"),
}


@pytest.mark.parametrize("happened", CHANGES)
def test_a_change_is_an_alarm_of_that_feature_alone_and_says_what_it_is(happened: str) -> None:
    name, alter, said = CHANGES[happened]
    rows = make_rows(2000, seed=1)
    found = judge(change(rows, name, [alter(row[PLACES[name]]) for row in rows]))
    first, *others = found.features
    assert (first.column.name, first.level) == (name, 2)
    assert [one.level for one in others] == [0] * 5
    assert any(said in reason for reason in first.reasons)


def test_a_small_change_is_a_warning() -> None:
    rows = make_rows(2000, seed=1)
    fill_most = sometimes(0.7, 50.0)
    found = judge(change(rows, "amount", [row[0] or fill_most(None) for row in rows]))
    assert [one.level for one in found.features] == [1, 0, 0, 0, 0, 0]
    assert [reason.split(" ", 1)[1] for reason in found.features[0].reasons] == [
        "of its values are missing, 5.4% were",
    ]


def test_features_of_equal_levels_stand_by_importance() -> None:
    found = judge(make_rows(600, seed=1))
    assert [one.column.name for one in found.features] == ["city", "amount", "seen", "visits", "member", "note"]


def test_shares_are_of_all_rows_and_absent_where_there_is_no_such_thing() -> None:
    rows = make_rows(1000, seed=1)
    rows = change(rows, "city", ["Kyiv"] * 100 + [None] * 200 + ["Oslo"] * 700)
    rows = change(rows, "visits", [10**6] * 300 + [2] * 700)
    found = {one.column.name: one for one in judge(rows).features}
    assert (found["city"].unseen_share, found["city"].null_share, found["city"].reference_null_share) == (0.1, 0.2, 0)
    assert found["visits"].out_of_range_share == 0.3
    assert found["city"].out_of_range_share is found["visits"].unseen_share is found["note"].out_of_range_share is None


def test_a_reference_of_few_rows_gives_no_verdict() -> None:
    strange = change(make_rows(1000), "visits", [10**6] * 1000)
    assert judge(strange, make_profile(make_rows(LEAST_REFERENCE_ROWS - 1))).features[0].level == 0
    assert judge(strange, make_profile(make_rows(LEAST_REFERENCE_ROWS))).features[0].level == 2


def test_a_difference_that_may_be_chance_is_no_verdict_however_large() -> None:
    rows = make_rows(60, seed=1)
    small = judge(change(rows, "city", ["Kyiv"] * 1 + [row[2] for row in rows[1:]]))
    assert [one.level for one in small.features] == [0] * 6
    assert small.features[0].unseen_share == pytest.approx(1 / 60)


def test_the_more_is_asked_the_surer_an_answer_has_to_be() -> None:
    assert count_tests(OPENED.profile.features) == 4 * 4 + 2 * 3
    assert len(FEATURES) == 6


def test_answers_are_compared_with_those_to_held_out_rows() -> None:
    rows = make_rows(1000)
    sketch = make_sketch(rows, OPENED)
    assert judge_window(Window.read(sketch), OPENED).answers[0].level == 0
    sketch["answers"] = [[900.0, [0] * 10 + [1000, 0, 0]]]
    found = judge_window(Window.read(sketch), OPENED)
    assert [one.level for one in found.answers] == [2]
    assert {one.level for one in found.features} == {0}
