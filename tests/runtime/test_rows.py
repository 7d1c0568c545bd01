from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import FieldFault, InvalidRows
from app.release.schema import Feature, FeatureSchema
from app.runtime.rows import RowRules, RowValidator

INT = Feature(name="visits", type="int", dtype="int64", nullable=False, minimum=0, maximum=40)
SMALL_INT = Feature(name="visits", type="int", dtype="uint8", nullable=False, minimum=0, maximum=40)
FLOAT = Feature(name="amount", type="float", dtype="float64", nullable=True, minimum=0.0, maximum=100.0)
BOOL = Feature(name="member", type="bool", dtype="bool", nullable=False, two_valued=True, categories=(False, True))
ZERO_ONE = Feature(name="female", type="int", dtype="int64", nullable=False, two_valued=True, categories=(0, 1))
YES_NO = Feature(
    name="paid", type="category", dtype="object", nullable=False, two_valued=True, categories=("no", "yes")
)
COUPON = Feature(name="coupon", type="category", dtype="object", nullable=True, two_valued=True, categories=("SPRING",))
CITY = Feature(name="city", type="category", dtype="object", nullable=False, categories=(" Oslo", "Rome"))
SHOP = Feature(name="shop", type="category", dtype="category", nullable=False, categories=(10, 20))
UNKNOWN_NULLS = Feature(name="city", type="category", dtype="object", nullable=None, categories=("Rome",))
DAY = Feature(name="day", type="datetime", dtype="object", nullable=True, minimum="2024-01-01", maximum="2025-12-31")
NAIVE = Feature(name="seen", type="datetime", dtype="datetime64[ns]", nullable=False)
ZONED = Feature(name="seen", type="datetime", dtype="datetime64[ns, UTC]", nullable=False, time_zone="UTC")
TEXT_DAY = Feature(name="day", type="datetime", dtype="object", nullable=False, date_formats=("%d/%m/%Y",))
TWO_MOMENTS = Feature(
    name="seen",
    type="datetime",
    dtype="datetime64[ns]",
    nullable=False,
    two_valued=True,
    categories=("2024-01-01T00:00:00", "2025-01-01T00:00:00"),
)
NOTE = Feature(name="note", type="text", dtype="object", nullable=True)


def check(feature: Feature, value: Any) -> tuple[Any, list[FieldFault]]:
    checked = RowValidator(FeatureSchema((feature,))).check([{feature.name: value}])
    return checked.rows[0][0], checked.warnings


@pytest.mark.parametrize(
    ("feature", "value", "typed"),
    [
        (INT, 5, 5),
        (INT, 5.0, 5),
        (INT, "5", 5),
        (INT, " 5 ", 5),
        (INT, "+5", 5),
        (INT, "5.0", 5),
        (FLOAT, 29.85, 29.85),
        (FLOAT, "29.85", 29.85),
        (FLOAT, "1e1", 10.0),
        (FLOAT, 7, 7.0),
        (FLOAT, None, None),
        (BOOL, True, True),
        (BOOL, "true", True),
        (BOOL, " FALSE ", False),
        (ZERO_ONE, 1, 1),
        (ZERO_ONE, "0", 0),
        (YES_NO, " yes", "yes"),
        (COUPON, "SPRING", "SPRING"),
        (COUPON, None, None),
        (CITY, "Oslo", " Oslo"),
        (CITY, " Oslo", " Oslo"),
        (CITY, "  Rome ", "Rome"),
        (SHOP, 10, 10),
        (SHOP, 10.0, 10),
        (SHOP, "10", 10),
        (DAY, "2024-05-01", "2024-05-01"),
        (DAY, " 2024-05-01T10:00:00.123456789Z ", "2024-05-01T10:00:00.123456789Z"),
        (DAY, "2024-05-01 10:00+02:00", "2024-05-01 10:00+02:00"),
        (DAY, None, None),
        (NAIVE, "2024-05-01T10:00:00", "2024-05-01T10:00:00"),
        (ZONED, "2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"),
        (ZONED, "2024-05-01T10:00:00", "2024-05-01T10:00:00"),
        (TEXT_DAY, "31/12/2024", "31/12/2024"),
        (TEXT_DAY, "2024-12-31", "2024-12-31"),
        (TWO_MOMENTS, "2025-01-01", "2025-01-01T00:00:00"),
        (NOTE, " spaces count ", " spaces count "),
        (NOTE, "", ""),
        (NOTE, None, None),
    ],
)
def test_a_good_value_becomes_the_value_of_training_without_a_warning(feature: Feature, value: Any, typed: Any) -> None:
    got, warnings = check(feature, value)
    assert got == typed
    assert type(got) is type(typed)
    assert warnings == []


@pytest.mark.parametrize(
    ("feature", "value", "message"),
    [
        (INT, None, "A value is required: training had no nulls here."),
        (INT, 5.7, "Expected a whole number, got one with a fraction."),
        (INT, "5.7", "Expected a whole number, got one with a fraction."),
        (INT, True, "Expected a whole number, got a boolean."),
        (INT, "five", "Expected a whole number, got text that is not a number."),
        (INT, "", "Expected a whole number, got text that is not a number."),
        (INT, "1_000", "Expected a whole number, got text that is not a number."),
        (INT, "0x10", "Expected a whole number, got text that is not a number."),
        (INT, "٥", "Expected a whole number, got text that is not a number."),
        (INT, [5], "Expected a whole number, got a list."),
        (INT, {"value": 5}, "Expected a whole number, got an object."),
        (INT, 10**30, "Expected a whole number from -9223372036854775808 to 9223372036854775807."),
        (INT, 1e30, "Expected a whole number from -9223372036854775808 to 9223372036854775807."),
        (INT, "9" * 10_000, "Expected a whole number, got text that is not a number."),
        (INT, math.inf, "Expected a finite number."),
        (SMALL_INT, 300, "Expected a whole number from 0 to 255."),
        (SMALL_INT, -1, "Expected a whole number from 0 to 255."),
        (FLOAT, "abc", "Expected a number, got text that is not a number."),
        (FLOAT, "29,85", "Expected a number, got text that is not a number."),
        (FLOAT, "nan", "Expected a number, got text that is not a number."),
        (FLOAT, "Infinity", "Expected a number, got text that is not a number."),
        (FLOAT, "1e999", "Expected a finite number."),
        (FLOAT, math.nan, "Expected a finite number."),
        (FLOAT, 1e300, "Expected a number of magnitude at most 3.4e+38."),
        (FLOAT, False, "Expected a number, got a boolean."),
        (BOOL, 1, "Expected true or false, got a number."),
        (BOOL, "yes", "Expected true or false, got text."),
        (BOOL, None, "A value is required: training had no nulls here."),
        (ZERO_ONE, 2, "Expected 0 or 1: training had no other value here."),
        (ZERO_ONE, True, "Expected a whole number, got a boolean."),
        (ZERO_ONE, None, "A value is required: training had no nulls here."),
        (YES_NO, "YES", 'Expected "no" or "yes": training had no other value here.'),
        (YES_NO, True, "Expected text, got a boolean."),
        (COUPON, "SUMMER", 'Expected "SPRING": training had no other value here.'),
        (CITY, 3, "Expected text, got a number."),
        (CITY, ["Rome"], "Expected text, got a list."),
        (CITY, None, "A value is required: training had no nulls here."),
        (SHOP, "ten", "Expected a number, got text."),
        (SHOP, True, "Expected a number, got a boolean."),
        (DAY, 20240101, "Expected a date as ISO 8601 text, such as 2026-11-23 or 2026-11-23T04:19:03, got a number."),
        (DAY, "garbage", "Expected a date as ISO 8601 text, such as 2026-11-23 or 2026-11-23T04:19:03."),
        (DAY, "2024-02-30", "Expected a date as ISO 8601 text, such as 2026-11-23 or 2026-11-23T04:19:03."),
        (DAY, "5", "Expected a date as ISO 8601 text, such as 2026-11-23 or 2026-11-23T04:19:03."),
        (DAY, "", "Expected a date as ISO 8601 text, such as 2026-11-23 or 2026-11-23T04:19:03."),
        (DAY, "0001-01-01", "Expected a date from the year 1678 to 2261."),
        (NAIVE, "2024-05-01T10:00:00Z", "Expected a date without a time zone: training had none here."),
        (
            NAIVE,
            1700000000,
            "Expected a date as ISO 8601 text, such as 2026-11-23 or 2026-11-23T04:19:03, got a number.",
        ),
        (
            TEXT_DAY,
            "31.12.2024",
            "Expected a date as ISO 8601 text, such as 2026-11-23 or 2026-11-23T04:19:03 or %d/%m/%Y.",
        ),
        (
            TWO_MOMENTS,
            "2025-01-02",
            'Expected "2024-01-01T00:00:00" or "2025-01-01T00:00:00": training had no other value here.',
        ),
        (NOTE, 5, "Expected text, got a number."),
    ],
)
def test_a_bad_value_is_refused_with_what_was_expected(feature: Feature, value: Any, message: str) -> None:
    with pytest.raises(InvalidRows) as refused:
        check(feature, value)
    assert list(refused.value.faults) == [FieldFault(0, feature.name, message)]


@pytest.mark.parametrize(
    ("feature", "value", "message"),
    [
        (INT, 41, "This number is outside the range of training, 0 to 40."),
        (FLOAT, -0.5, "This number is outside the range of training, 0.0 to 100.0."),
        (CITY, "Paris", "This category was not seen in training."),
        (CITY, "", "This category was not seen in training."),
        (SHOP, 30, "This category was not seen in training."),
        (DAY, "2026-01-01", "This date is outside the range of training, 2024-01-01 to 2025-12-31."),
        (UNKNOWN_NULLS, None, "No data told whether training had nulls here; the null was accepted."),
    ],
)
def test_a_value_that_training_has_not_seen_is_accepted_with_a_warning_or_rejected(
    feature: Feature, value: Any, message: str
) -> None:
    expected = [FieldFault(0, feature.name, message)]
    assert check(feature, value)[1] == expected
    strict = RowValidator(FeatureSchema((feature,)), RowRules(on_unseen_value="reject"))
    with pytest.raises(InvalidRows) as refused:
        strict.check([{feature.name: value}])
    assert list(refused.value.faults) == expected


def test_each_warning_says_of_which_kind_it_is() -> None:
    validator = RowValidator(FeatureSchema((INT, CITY, DAY, replace(UNKNOWN_NULLS, name="place"))))
    row = {"visits": 41, "city": "Paris", "day": "2026-01-01", "place": None, "colour": "red"}
    assert {fault.field: fault.kind for fault in validator.check([row]).warnings} == {
        "visits": "out_of_range",
        "city": "unseen",
        "day": "out_of_range",
        "place": "new_null",
        "colour": "unknown_field",
    }


def test_every_fault_of_every_row_is_reported_at_once_in_order() -> None:
    validator = RowValidator(FeatureSchema((INT, FLOAT, CITY)))
    with pytest.raises(InvalidRows) as refused:
        validator.check([{"visits": 1, "amount": 1, "city": "Rome"}, {"visits": "x", "amount": True}, "row", {}])
    assert [(fault.row, fault.field) for fault in refused.value.faults] == [
        (1, "amount"),
        (1, "city"),
        (1, "visits"),
        (2, None),
        (3, "amount"),
        (3, "city"),
        (3, "visits"),
    ]


def test_strict_settings_report_unseen_values_and_unknown_fields_beside_other_faults() -> None:
    validator = RowValidator(FeatureSchema((INT, CITY)), RowRules(on_unseen_value="reject", on_unknown_field="reject"))
    with pytest.raises(InvalidRows) as refused:
        validator.check([{"visits": "x", "city": "Paris", "citty": 1}])
    assert [fault.field for fault in refused.value.faults] == ["citty", "city", "visits"]


def test_an_unknown_field_is_ignored_with_one_warning_that_names_the_closest_field() -> None:
    checked = RowValidator(FeatureSchema((CITY,))).check([{"city": "Rome", "Ciity": 1}, {"city": "Rome", "Ciity": 2}])
    message = 'The model does not know this field; it was ignored. Did you mean "city"?'
    assert checked.warnings == [FieldFault(0, "Ciity", message)]


def test_columns_of_training_that_the_model_does_not_use_are_no_news() -> None:
    validator = RowValidator(FeatureSchema((CITY,), unused=("bought", "id")), RowRules(on_unknown_field="reject"))
    assert validator.check([{"city": "Rome", "bought": "yes", "id": 7}]).warnings == []


@pytest.mark.parametrize("name", ["a.b", "load", "fields", "Meta", "_schema", "f0", "", "class", "ünïcode ✓", "a b"])
def test_a_column_may_have_any_name(name: str) -> None:
    feature = Feature(name=name, type="int", dtype="int64", nullable=False)
    other = Feature(name="other", type="int", dtype="int64", nullable=False)
    validator = RowValidator(FeatureSchema((feature, other)))
    assert validator.check([{"other": 2, name: 1}]).rows == [(1, 2)]
    with pytest.raises(InvalidRows) as refused:
        validator.check([{"other": 2}])
    assert list(refused.value.faults) == [FieldFault(0, name, "This field is required.")]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=5,
)


@given(
    feature=st.sampled_from([INT, SMALL_INT, FLOAT, BOOL, ZERO_ONE, YES_NO, COUPON, CITY, SHOP, DAY, NAIVE, NOTE]),
    value=json_values,
)
def test_any_json_value_is_accepted_as_the_type_of_its_feature_or_refused(feature: Feature, value: Any) -> None:
    types: dict[str, Any] = {"int": int, "float": float, "bool": bool, "datetime": str, "text": str}
    try:
        typed, _ = check(feature, value)
    except InvalidRows:
        return
    assert typed is None or isinstance(typed, types.get(feature.type, str | int | float))
    if feature.two_valued and typed is not None:
        assert typed in (feature.categories or ())


@given(number=st.integers(-(2**63), 2**63 - 1))
def test_a_number_as_text_is_exactly_that_number(number: int) -> None:
    assert check(INT, str(number))[0] == number
    assert check(FLOAT, repr(float(number)))[0] == float(number)
