from __future__ import annotations

import math
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

HOSTILE_NAMES = [
    "class",
    "row",
    "name0",
    "known0",
    "UNSURE",
    "__class__",
    "__builtins__",
    "{p}",
    "%s",
    "",
    " ",
    "a.b",
    "quote\"d'",
    "new\nline",
    "back\\slash",
    "ünïcode ✓",
    "0]); import os; (row[0",
]
TEXTS = ["Rome", " Oslo", "Oslo", "Bonn ", "", "1", "true", "2024-05-01", "naïve"]
DATES = [
    "2024-05-01",
    " 2024-05-01 ",
    "2024-05-01T10:20",
    "2024-05-01 10:20:30",
    "2024-05-01T10:20:30Z",
    "2024-05-01T10:20:30.123",
    "2024-05-01T10:20:30.123456Z",
    "2024-05-01T10:20:30.123456789",
    "2024-05-01T23:20:30+02:00",
    "2024-05-01T10:20:30-0930",
    "2024-05-01Z",
    "2024-05-01T24:00:00",
    "2024-05-01T10:60",
    "2024-05-01t10:20",
    "2024-05-01T10",
    "2024-02-30",
    "20240501",
    "2024-W18-3",
    "01/05/2024",
    "٢٠٢٤-05-01",
    "2024-05-01\n",
    "1677-12-31",
    "1678-01-01",
    "2261-12-31T23:59:59.999999",
    "2262-01-01",
    "0001-01-01",
    "2023-12-31T23:59:59",
    "2024-01-01T00:00:00",
    "2025-12-31",
    "2025-12-31T00:00:01",
]
# Bounds that lie between the dates above, with and without a time zone.
DATE_RANGES = [(None, None), ("2024-01-01", "2025-12-31"), ("2024-01-01T02:00:00+02:00", "2025-12-31T00:00:00+00:00")]
INTEGER_TYPES = ["int8", "uint8", "int64", "uint64", "Int64"]
LIMIT_NUMBERS = [0, 1, -1, 127, 128, 255, 256, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), 10**40]
LIMIT_FLOATS = [0.0, -0.0, 1.0, 0.5, 255.0, 1e16, 2.0**53, 3.4028234663852886e38, 3.5e38, 5e-324, math.inf, math.nan]

# Many values an example, on machines of any speed.
slow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=2) | st.dictionaries(st.text(max_size=3), children, max_size=2),
    max_leaves=3,
)
numbers = st.sampled_from([*LIMIT_NUMBERS, *LIMIT_FLOATS]) | st.integers(-300, 300) | st.floats(-300, 300)
usual_values = st.one_of(numbers, st.sampled_from(TEXTS), st.sampled_from(DATES), st.booleans(), st.none())
nullability = st.sampled_from([True, False, None])


@st.composite
def make_range(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> dict[str, Any]:
    low, high = sorted([draw(values), draw(values)])
    return draw(st.sampled_from([{"minimum": low, "maximum": high}, {"minimum": low}, {}]))


@st.composite
def make_number(draw: st.DrawFn, name: str) -> Feature:
    whole = draw(st.booleans())
    dtype = draw(st.sampled_from(INTEGER_TYPES if whole else ["float32", "float64"]))
    finite = numbers.filter(lambda value: not math.isnan(value) and not math.isinf(value))
    values = st.integers(0, 200) if whole else finite
    known: dict[str, Any] = draw(make_range(values | finite))
    if draw(st.booleans()):
        kept = st.integers(0, 127) if whole else st.floats(-10, 10)
        known.update(two_valued=True, categories=tuple(draw(st.lists(kept, min_size=1, max_size=2, unique=True))))
    return Feature(name=name, type="int" if whole else "float", dtype=dtype, nullable=draw(nullability), **known)


@st.composite
def make_category(draw: st.DrawFn, name: str) -> Feature:
    kinds: list[st.SearchStrategy[Any]] = [st.sampled_from(TEXTS), st.integers(-3, 3), st.booleans()]
    values = draw(st.sampled_from([*kinds, st.floats(-3, 3), st.one_of(kinds)]))
    categories = draw(st.none() | st.lists(values, max_size=4, unique_by=lambda value: (type(value), value)))
    two_valued = categories is not None and 0 < len(categories) < 3 and draw(st.booleans())
    return Feature(
        name=name,
        type="category",
        dtype="object",
        nullable=draw(nullability),
        two_valued=two_valued,
        categories=None if categories is None else tuple(categories),
    )


@st.composite
def make_date(draw: st.DrawFn, name: str) -> Feature:
    dtype, zone = draw(st.sampled_from([("object", None), ("datetime64[ns]", None), ("datetime64[ns, UTC]", "UTC")]))
    low, high = draw(st.sampled_from(DATE_RANGES))
    two_values = {"two_valued": True, "categories": ("2024-05-01", "2025-12-31T00:00:00")}
    known = two_values if draw(st.booleans()) else {"date_formats": draw(st.sampled_from([(), ("%d/%m/%Y",)]))}
    return Feature(
        name=name,
        type="datetime",
        dtype=dtype,
        nullable=draw(nullability),
        minimum=low,
        maximum=high,
        time_zone=zone,
        **known,
    )


@st.composite
def make_plain(draw: st.DrawFn, name: str) -> Feature:
    values = draw(st.sampled_from([None, (False, True), (True,)]))
    if draw(st.booleans()):
        return Feature(name=name, type="text", dtype="object", nullable=draw(nullability))
    two_valued = values is not None
    return Feature(
        name=name, type="bool", dtype="bool", nullable=draw(nullability), two_valued=two_valued, categories=values
    )


@st.composite
def make_schema(draw: st.DrawFn) -> FeatureSchema:
    names = draw(st.lists(st.sampled_from(HOSTILE_NAMES) | st.text(max_size=4), min_size=1, max_size=4, unique=True))
    kinds = st.sampled_from([make_number, make_category, make_date, make_plain])
    return FeatureSchema(tuple(draw(draw(kinds)(name)) for name in names), unused=("the label",))


def list_values(feature: Feature) -> list[Any]:
    """Values that this feature may take, values beside them, and what other features would take."""
    known = [value for value in (*(feature.categories or ()), feature.minimum, feature.maximum) if value is not None]
    counted = [value for value in known if isinstance(value, (int, float))]
    beside = [near for value in counted for near in (value, value + 1, value - 1, -value, value + 0.5)]
    floats = [math.nextafter(value, end) for value in counted if abs(value) < 2**63 for end in (-math.inf, math.inf)]
    plain = [*known, *beside, *map(bool, counted), *floats, *LIMIT_NUMBERS, *LIMIT_FLOATS, True, False]
    plain += [float(value) for value in counted]
    texts = [*TEXTS, *DATES, *map(str, plain), *(f" {value} " for value in known)]
    return [*plain, *texts, *(text.lower() for text in texts), None, [], {}, [1], {"a": 1}]


def draw_value(feature: Feature) -> st.SearchStrategy[Any]:
    """Every other time a value of training, so that some rows are clean in every feature."""
    values = list_values(feature)
    return st.sampled_from(values[:2]) | st.sampled_from(values) | json_values


@st.composite
def make_rows(draw: st.DrawFn, schema: FeatureSchema) -> list[Any]:
    whole = st.fixed_dictionaries(
        {feature.name: draw_value(feature) for feature in schema.features},
        optional={"the label": json_values, "unknown": json_values, "Unknown": json_values},
    )
    partial = st.dictionaries(st.sampled_from([feature.name for feature in schema.features]), usual_values)
    return draw(st.lists(st.one_of(whole, whole, whole, partial, json_values), max_size=4))


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
