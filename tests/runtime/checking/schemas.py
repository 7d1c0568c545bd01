"""Schemas of any features, and rows that fit them, nearly fit them or are not meant for them at all."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from app.release.schema import Feature, FeatureSchema

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
