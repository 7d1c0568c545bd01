"""Rows by their columns come out as one by one, or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.release.schema import Feature, FeatureSchema
from app.runtime.columns.column import Column
from app.runtime.columns.validator import CheckedColumns, ColumnValidator
from app.runtime.rows import OnUnknownField, OnUnseenValue, RowRules, RowValidator, reject_nothing_more
from tests.runtime.checking.schemas import draw_value, json_values, make_schema

slow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

VISITS = Feature(name="visits", type="int", dtype="int64", nullable=None, minimum=0, maximum=9)
CITY = Feature(name="city", type="category", dtype="object", nullable=False, categories=("Oslo", "Rome"))
SCHEMA = FeatureSchema((VISITS, CITY), unused=("the label",))


def check(
    rows: Sequence[Mapping[str, Any]],
    schema: FeatureSchema = SCHEMA,
    *,
    rejected: frozenset[str] | None = None,
    **rules: Any,
) -> CheckedColumns | None:
    read_rejected = reject_nothing_more if rejected is None else lambda: rejected
    by_rows = RowValidator(schema, RowRules(**rules), rejected=read_rejected)
    columns = {name: Column.of([row[name] for row in rows]) for name in rows[0]}
    return ColumnValidator(schema, RowRules(**rules), by_rows, rejected=read_rejected).check(columns)


def assert_same_as_by_rows(found: CheckedColumns, rows: Sequence[Any], schema: FeatureSchema, rules: RowRules) -> None:
    expected = RowValidator(schema, rules).check(rows)
    assert repr(found.list_rows()) == repr(expected.rows)
    assert found.warnings == Counter(str(warning.kind) for warning in expected.warnings)


@slow
@given(data=st.data())
def test_any_rows_come_out_as_one_by_one_or_not_at_all(data: st.DataObject) -> None:
    schema = data.draw(make_schema())
    unseen: OnUnseenValue = data.draw(st.sampled_from(["accept", "reject"]))
    unknown: OnUnknownField = data.draw(st.sampled_from(["ignore", "reject"]))
    most = data.draw(st.sampled_from([1, 2, 1000]))
    rules = RowRules(on_unseen_value=unseen, on_unknown_field=unknown, most_faults=most)
    fields = {feature.name: draw_value(feature) for feature in schema.features}
    fields |= dict.fromkeys(data.draw(st.sets(st.sampled_from(["the label", "Age", "town"]))), json_values)
    rows = data.draw(st.lists(st.fixed_dictionaries(fields), min_size=1, max_size=6))
    columns = {name: Column.of([row[name] for row in rows]) for name in fields}
    by_rows = RowValidator(schema, rules)
    found = ColumnValidator(schema, rules, by_rows, rejected=reject_nothing_more).check(columns)
    if found is not None:
        assert_same_as_by_rows(found, rows, schema, rules)


@slow
@given(data=st.data())
def test_of_many_warnings_as_many_are_counted_as_are_listed(data: st.DataObject) -> None:
    values = {
        "visits": st.sampled_from([7, 10, 11, "12", None]),
        "city": st.sampled_from(["Oslo", " Rome ", "Paris", "Bonn"]),
        "town": st.just("x"),
    }
    rows = data.draw(st.lists(st.fixed_dictionaries(values), min_size=1, max_size=12))
    rules = RowRules(most_faults=data.draw(st.integers(1, 8)))
    found = check(rows, most_faults=rules.most_faults)
    assert found is not None
    assert_same_as_by_rows(found, rows, SCHEMA, rules)


ROW = {"visits": 3, "city": "Oslo"}


@pytest.mark.parametrize(
    ("rows", "rules"),
    [
        pytest.param([ROW, {**ROW, "visits": "many"}], {}, id="a fault"),
        pytest.param([ROW, {**ROW, "visits": [3]}], {}, id="no scalar"),
        pytest.param([{"visits": 3}], {}, id="a feature is missing"),
        pytest.param([{**ROW, "town": 1}], {"on_unknown_field": "reject"}, id="an unknown field"),
        pytest.param([{**ROW, "visits": 10}], {"on_unseen_value": "reject"}, id="an unseen value"),
        pytest.param([{**ROW, "visits": 10}], {"rejected": frozenset({"visits"})}, id="a rejected feature"),
        pytest.param([{**ROW, "a": 1, "b": 2}], {"most_fields": 3}, id="too many fields"),
    ],
)
def test_what_a_caller_has_to_be_told_of_is_left_to_the_rows(rows: list[dict[str, Any]], rules: dict[str, Any]) -> None:
    assert check(rows, **rules) is None


def test_each_different_value_of_text_whole_numbers_and_booleans_is_held_once() -> None:
    column = Column.of(["b", "a", None, "b"])
    assert (column.values, column.places.tolist()) == (["b", "a", None], [0, 1, 2, 0])
    assert Column.of([1, 2, 1]).values == [1, 2]
    assert Column.of([True, False, True]).values == [True, False]


@pytest.mark.parametrize("values", [[1, True, 1.0], [0.0, -0.0], ["1", 1], [None, None], [[], []]])
def test_equal_values_that_are_not_the_same_stay_apart(values: list[Any]) -> None:
    assert repr(Column.of(values).spread()) == repr(values)


def test_rows_of_features_that_an_operator_excludes_are_accepted_while_nothing_in_them_is_new() -> None:
    found = check([ROW], rejected=frozenset({"visits"}))
    assert found is not None
    assert found.list_rows() == [(3, "Oslo")]
