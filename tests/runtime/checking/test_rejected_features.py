"""Rows while single features take no unseen values, against the setting that has all of them do so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidRows
from app.release.schema import Feature, FeatureSchema
from app.runtime.rows import RowRules, RowValidator

SCHEMA = FeatureSchema(
    (
        Feature(
            name="plan",
            type="category",
            dtype="object",
            nullable=False,
            categories=("basic", "plus", "pro"),
            sample="pro",
        ),
        Feature(name="age", type="int", dtype="int64", nullable=False, minimum=18, maximum=90, sample=30),
        Feature(name="pay", type="float", dtype="float64", nullable=True, minimum=0.0, maximum=10.0, sample=1.0),
    )
)
GOOD = {"plan": "basic", "age": 30, "pay": 1.0}
ROWS: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.fixed_dictionaries(
        {
            "plan": st.sampled_from(["basic", "pro", "gold", 7, None]),
            "age": st.sampled_from([18, 90, 17, 91, "30", "x", None, 5.5]),
            "pay": st.sampled_from([0, 10, 10.5, -1, None, "1", [], True]),
        }
    ),
    max_size=5,
)


def read_faults(validator: RowValidator, rows: Sequence[Any]) -> list[tuple[int | None, str | None]]:
    try:
        validator.check(rows)
    except InvalidRows as refused:
        return [(fault.row, fault.field) for fault in refused.faults]
    return []


def make_validator(*rejected: str, **rules: Any) -> RowValidator:
    return RowValidator(SCHEMA, RowRules(**rules), rejected=lambda: frozenset(rejected))


def test_an_unseen_value_of_a_rejected_feature_is_refused_and_one_of_another_is_not() -> None:
    validator = make_validator("age")

    assert read_faults(validator, [GOOD, {**GOOD, "age": 91}]) == [(1, "age")]
    (warning,) = validator.check([{**GOOD, "plan": "gold"}]).warnings
    assert (warning.field, warning.kind) == ("plan", "unseen")


def test_all_faults_of_all_rows_are_told_at_once() -> None:
    rows = [{**GOOD, "plan": "gold", "pay": "x"}, {**GOOD, "age": 17}, {"plan": "basic", "pay": 1}]

    assert read_faults(make_validator("plan"), rows) == [(0, "pay"), (0, "plan"), (2, "age")]


def test_it_holds_from_the_moment_that_it_is_told() -> None:
    rejected: set[str] = set()
    validator = RowValidator(SCHEMA, rejected=lambda: frozenset(rejected))
    row = {**GOOD, "age": 91}
    assert read_faults(validator, [row]) == []
    rejected.add("age")
    assert read_faults(validator, [row]) == [(0, "age")]
    rejected.clear()
    assert read_faults(validator, [row]) == []


def test_warnings_beyond_those_that_are_listed_hide_no_refusal() -> None:
    rows = [*[{**GOOD, "plan": "gold"}] * 50, {**GOOD, "age": 91}]

    assert read_faults(make_validator("age", most_faults=3), rows) == [(50, "age")]


def test_no_more_are_listed_than_the_setting_says() -> None:
    rows = [{**GOOD, "age": 91}] * 50

    with pytest.raises(InvalidRows, match="More than 3 faults"):
        make_validator("age", most_faults=3).check(rows)


@given(ROWS)
def test_with_all_features_rejected_it_refuses_what_the_setting_would(rows: list[dict[str, Any]]) -> None:
    assert read_faults(make_validator("plan", "age", "pay"), rows) == read_faults(
        make_validator(on_unseen_value="reject"), rows
    )


@given(ROWS)
def test_with_none_rejected_nothing_changes(rows: list[dict[str, Any]]) -> None:
    assert read_faults(make_validator(), rows) == read_faults(RowValidator(SCHEMA), rows)
