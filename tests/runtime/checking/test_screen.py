from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import FieldFault, InvalidRows
from app.release.schema import Feature, FeatureSchema, Scalar
from app.runtime.checking.screen import ReadRows, ReadValue, build_row_screen
from app.runtime.row_fields import FIELD_OF_TYPE
from app.runtime.rows import OnUnknownField, OnUnseenValue, RowRules, RowValidator
from app.training.profile import profile_features, to_scalar
from tests.fixtures import FittedModel
from tests.runtime.checking.schemas import (
    HOSTILE_NAMES,
    list_values,
    make_category,
    make_date,
    make_number,
    make_plain,
    make_rows,
    make_schema,
)

# Many values an example, on machines of any speed.
slow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def describe_outcome(check: Callable[[list[Any]], Any], rows: list[Any]) -> str:
    """Text in which 1, 1.0 and True differ, and the zeros of both signs."""
    try:
        return repr(check(rows))
    except InvalidRows as refused:
        return repr(refused.faults)


@slow
@given(data=st.data())
def test_any_rows_come_out_as_from_marshmallow_alone(data: st.DataObject) -> None:
    schema = data.draw(make_schema())
    unseen: OnUnseenValue = data.draw(st.sampled_from(["accept", "reject"]))
    unknown: OnUnknownField = data.draw(st.sampled_from(["ignore", "reject"]))
    validator = RowValidator(schema, RowRules(on_unseen_value=unseen, on_unknown_field=unknown))
    rows = data.draw(make_rows(schema))
    assert describe_outcome(validator.check, rows) == describe_outcome(validator.check_thoroughly, rows)


@slow
@given(data=st.data())
def test_any_batch_whose_rows_bring_news_comes_out_as_from_marshmallow_alone(data: st.DataObject) -> None:
    """Valid values that training has not seen in most rows, faults and unknown fields in a few."""
    features = (
        Feature(name="age", type="int", dtype="int64", nullable=None, minimum=0, maximum=40),
        Feature(name="city", type="category", dtype="object", nullable=None, categories=("Oslo", "Rome")),
        Feature(name="at", type="datetime", dtype="object", nullable=None, minimum="2024-01-01", maximum="2024-12-31"),
    )
    values = {
        "age": st.sampled_from([7, 41, -1, "50", None, "x"]),
        "city": st.sampled_from(["Oslo", " Rome ", "Paris", "", None, 5]),
        "at": st.sampled_from(["2024-05-01", "2025-05-01", " 1999-01-01 ", None, "2024-02-30"]),
    }
    extra: st.SearchStrategy[dict[str, int]] = st.sampled_from(["Age", "town", "country"]).map(
        lambda name: {name: 1}
    ) | st.just({})
    rows = data.draw(st.lists(st.builds(lambda row, more: {**row, **more}, st.fixed_dictionaries(values), extra)))
    unseen: OnUnseenValue = data.draw(st.sampled_from(["accept", "reject"]))
    unknown: OnUnknownField = data.draw(st.sampled_from(["ignore", "reject"]))
    most: int = data.draw(st.sampled_from([1, 2, 5, 1000]))
    rules = RowRules(on_unseen_value=unseen, on_unknown_field=unknown, most_faults=most)
    validator = RowValidator(FeatureSchema(features), rules)
    assert describe_outcome(validator.check, rows) == describe_outcome(validator.check_thoroughly, rows)


@slow
@given(feature=st.sampled_from([make_number, make_category, make_date, make_plain]).flatmap(lambda make: make("value")))
def test_each_value_comes_out_as_from_marshmallow_alone(feature: Feature) -> None:
    validator = RowValidator(FeatureSchema((feature,)))
    for value in list_values(feature):
        row = [{"value": value}]
        assert describe_outcome(validator.check, row) == describe_outcome(validator.check_thoroughly, row)


def _tell_nothing(place: int, row: Mapping[str, Any], position: int, *_: list[FieldFault]) -> None:
    """What a screen has no use for that only reads rows."""


def build_watched_screen(*features: Feature) -> tuple[ReadRows, list[Any]]:
    """A screen for these features, and a list of the values that their fields are asked about from now on."""
    asked: list[Any] = []

    def watch(feature: Feature) -> ReadValue:
        field = FIELD_OF_TYPE[feature.type](feature)

        def read(value: Any, position: int, news: list[FieldFault]) -> Scalar | None:
            asked.append(value)
            typed: Scalar | None = field.deserialize(value)
            return typed

        return read

    screen = build_row_screen(features, [watch(feature) for feature in features], _tell_nothing, longest_text=99)
    asked.clear()
    return screen.read_rows, asked


@pytest.mark.parametrize(
    ("known", "values", "typed"),
    [
        ({"type": "int", "dtype": "int64"}, [0, 7, 2**63 - 1], [0, 7, 2**63 - 1]),
        ({"type": "int", "dtype": "int64"}, ["7", " -7.0 ", "7e1"], [7, -7, 70]),
        ({"type": "float", "dtype": "float64"}, ["7", " .5 ", "7E-1"], [7.0, 0.5, 0.7]),
        ({"type": "bool", "dtype": "bool"}, ["true", " FALSE "], [True, False]),
        ({"type": "category", "dtype": "category", "categories": (10, 20)}, ["10.0", " 2e1"], [10, 20]),
        ({"type": "category", "dtype": "object", "categories": ("Oslo", "Rome")}, [" Oslo  "], ["Oslo"]),
        (
            {"type": "datetime", "dtype": "object"},
            [" 2024-05-01 ", "2024-05-01T10:20+02:00"],
            ["2024-05-01", "2024-05-01T10:20+02:00"],
        ),
        ({"type": "int", "dtype": "int64", "two_valued": True, "categories": (0, 1)}, [0, 1, "1"], [0, 1, 1]),
        (
            {"type": "float", "dtype": "float64", "minimum": 0, "maximum": 9.5},
            [9.5, 9, 0.1, None],
            [9.5, 9.0, 0.1, None],
        ),
        ({"type": "bool", "dtype": "bool"}, [True, False], [True, False]),
        ({"type": "category", "dtype": "object", "categories": (" Oslo", "Rome")}, ["Oslo", "Rome"], [" Oslo", "Rome"]),
        ({"type": "category", "dtype": "category", "categories": (10, 20)}, [10, "20"], [10, 20]),
        ({"type": "text", "dtype": "object"}, [" any text ", "", None], [" any text ", "", None]),
        ({"type": "datetime", "dtype": "datetime64[ns]"}, ["2024-05-01", "2024-05-01T10:20:30.123"], None),
        ({"type": "datetime", "dtype": "object"}, ["2024-05-01 10:20", "2024-05-01T10:20:30.123Z", None], None),
        (
            {"type": "datetime", "dtype": "object", "minimum": "2024-05-01", "maximum": "2024-05-01"},
            ["2024-05-01"],
            None,
        ),
    ],
)
def test_usual_values_are_recognised_without_asking_the_field(
    known: dict[str, Any], values: list[Any], typed: list[Any] | None
) -> None:
    screen, asked = build_watched_screen(Feature(name="value", nullable=True, **known))
    expected = [(value,) for value in (values if typed is None else typed)]
    assert repr(screen([{"value": value} for value in values])) == repr((expected, [], False))
    assert asked == []


@pytest.mark.parametrize("value", [True, 1.0, "1_0", "\u0661", 41, "41", None, -0.0, "9" * 401])
def test_an_unusual_value_is_left_to_the_field(value: Any) -> None:
    feature = Feature(name="value", type="int", dtype="int64", nullable=False, minimum=0, maximum=40)
    screen, asked = build_watched_screen(feature)
    screen([{"value": value}])
    assert [repr(value)] == [repr(each) for each in asked]


@pytest.mark.parametrize("row", [{}, {"Value": 1}, {"value": [1]}, {"value": {}}, [], ["value"], "value", 1, None])
def test_a_screen_ends_at_what_is_no_row_of_the_schema(row: Any) -> None:
    screen, _ = build_watched_screen(Feature(name="value", type="int", dtype="int64", nullable=False))
    assert screen([{"value": 1}, row, {"value": 2}]) == ([(1,)], [], False)


def test_names_are_never_read_as_source() -> None:
    features = [Feature(name=name, type="int", dtype="int64", nullable=False) for name in HOSTILE_NAMES]
    row = {name: position for position, name in enumerate(HOSTILE_NAMES)}
    validator = RowValidator(FeatureSchema(tuple(features)))
    assert validator.check([row]).rows == [tuple(range(len(features)))]


def test_rows_of_training_are_accepted_at_sight_and_as_marshmallow_types_them(
    fitted: Callable[[str], FittedModel],
) -> None:
    model = fitted("binary")
    schema = profile_features(model.predictor, train_data=model.train_data, held_out=model.held_out)
    names = [feature.name for feature in schema.features]
    rows = [
        {name: to_scalar(value) for name, value in zip(names, values, strict=True)}
        for values in model.train_data[names].itertuples(index=False)
    ]
    validator = RowValidator(schema)
    screen, _ = build_watched_screen(*schema.features)
    assert screen(rows)[1:] == ([], False)
    assert len(screen(rows)[0]) == len(rows)
    assert describe_outcome(validator.check, rows) == describe_outcome(validator.check_thoroughly, rows)


def test_one_doubtful_row_is_judged_alone_and_keeps_its_position() -> None:
    city = Feature(name="city", type="category", dtype="object", nullable=False, categories=("Oslo", "Rome"))
    rows = [{"city": "Oslo"}, {"city": "Paris"}, {"city": "Rome", "extra": 1}]
    checked = RowValidator(FeatureSchema((city,))).check(rows)
    assert checked.rows == [("Oslo",), ("Paris",), ("Rome",)]
    assert [(warning.row, warning.field) for warning in checked.warnings] == [(1, "city"), (2, "extra")]
    with pytest.raises(InvalidRows) as refused:
        RowValidator(FeatureSchema((city,))).check([*rows, {"city": 1}, "row"])
    assert [(fault.row, fault.field) for fault in refused.value.faults] == [(3, "city"), (4, None)]


def test_what_a_reader_tells_of_a_value_leaves_its_row_accepted() -> None:
    feature = Feature(name="city", type="category", dtype="object", nullable=None, categories=("Oslo", "Rome"))
    field = FIELD_OF_TYPE["category"](feature)

    def read(value: Any, position: int, news: list[FieldFault]) -> Scalar | None:
        typed: Scalar | None = field.deserialize(value)
        if typed not in ("Oslo", "Rome"):
            news.append(FieldFault(position, "city", f"New: {typed}"))
        return typed

    screen = build_row_screen([feature], [read], _tell_nothing, longest_text=99).read_rows
    rows = [{"city": "Paris"}, {"city": "Oslo"}, {"city": None}, {"city": 5}]
    news = [FieldFault(0, "city", "New: Paris"), FieldFault(2, "city", "New: None")]
    assert screen(rows) == ([("Paris",), ("Oslo",), (None,)], news, False)


def test_warnings_are_ordered_by_row_and_then_by_name() -> None:
    age = Feature(name="age", type="int", dtype="int64", nullable=None, minimum=0, maximum=40)
    city = Feature(name="city", type="category", dtype="object", nullable=False, categories=("Oslo", "Rome"))
    rows = [{"city": "Paris", "age": 41}, {"city": "Oslo", "age": None, "Town": 1}, {"city": "Bonn", "age": 1}]
    checked = RowValidator(FeatureSchema((city, age))).check(rows)
    assert checked.rows == [("Paris", 41), ("Oslo", None), ("Bonn", 1)]
    assert checked.warnings == [
        FieldFault(0, "age", "This number is outside the range of training, 0 to 40."),
        FieldFault(0, "city", "This category was not seen in training."),
        FieldFault(1, "Town", "The model does not know this field; it was ignored."),
        FieldFault(1, "age", "No data told whether training had nulls here; the null was accepted."),
        FieldFault(2, "city", "This category was not seen in training."),
    ]
