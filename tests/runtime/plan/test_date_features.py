"""Dates of a plan are read to the nanosecond as pandas and AutoGluon read them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from autogluon.features.generators import AutoMLPipelineFeatureGenerator
from hypothesis import given, settings
from hypothesis import strategies as st

from app.release.plan.features import export_features
from app.release.schema import Feature, FeatureSchema
from app.runtime.dates.reading import find_date_fault
from app.runtime.frames import build_frame
from app.runtime.plan.encoding import FeatureEncoder
from app.runtime.rows import TypedRow

DAYS = [
    *(f"%d{sep}{month}{sep}%Y" for sep, month in product("-/. ", ("%b", "%B"))),
    *(f"%Y{sep}{month}{sep}%d" for sep, month in product("-/ ", ("%b", "%B"))),
    *("%d. %b %Y", "%d. %B %Y", "%b %d, %Y", "%b %d %Y", "%B %d, %Y", "%B %d %Y"),
    *(f"%Y{sep}%m{sep}%d" for sep in "/. "),
    *(f"%m{sep}%d{sep}%Y" for sep in "-/. "),
    *(f"%d{sep}%m{sep}%Y" for sep in "-/. "),
]
TIMES = ["", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p"]
FORMATS = [day + (before + time if time else "") for day, before, time in product(DAYS, (" ", "T", ", "), TIMES)]
# What strptime accepts besides the plain form.
SPELLINGS: list[Callable[[str], str]] = [
    str,
    str.lower,
    str.upper,
    lambda text: re.sub(r"(?<![\d.])0(\d)(?!\d)", r"\1", text),
    lambda text: text.replace(" ", "  "),
    lambda text: text.replace(" ", "\t\N{NO-BREAK SPACE}"),
    lambda text: re.sub(r"(\d\d\d)\d(?!\d)", "\\1\N{ARABIC-INDIC DIGIT FOUR}", text),
]
# Half an hour of summer time, days that were skipped, winter time that is the exception, many changes.
ZONES = ["Australia/Lord_Howe", "Pacific/Apia", "Europe/Dublin", "America/New_York", "Africa/Casablanca"]


def fit_dates(frame: pd.DataFrame) -> Any:
    """A pipeline of date columns alone."""
    generator = AutoMLPipelineFeatureGenerator(verbosity=0)
    generator.fit_transform(frame)
    return generator


def make_training_dates() -> pd.Series[Any]:
    rng = np.random.default_rng(3)
    return pd.Series(pd.Timestamp("1990-01-01") + pd.to_timedelta(rng.integers(0, 10**9, 300), unit="s"))


@pytest.fixture(scope="module")
def text_dates() -> Any:
    """AutoGluon takes a text column for dates whatever their format: one pipeline does for all."""
    return fit_dates(pd.DataFrame({"day": make_training_dates().dt.strftime("%Y-%m-%d %H:%M:%S")}))


def assert_equal_encoding(generator: Any, schema: FeatureSchema, rows: list[TypedRow]) -> None:
    document, _ = export_features(generator, schema)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = generator.transform(build_frame(rows, schema)).to_numpy().astype(np.float64)
    got = FeatureEncoder(document).encode(rows)
    different = np.flatnonzero((got != expected).any(axis=1))
    assert [(rows[i], got[i].tolist(), expected[i].tolist()) for i in different[:3]] == []


def write_dates(moments: list[datetime], feature: Feature) -> Iterator[str]:
    """The moments in the formats of a feature, as far as its validator accepts them."""
    for moment, date_format, spell in product(moments, feature.date_formats, SPELLINGS):
        text = spell(moment.strftime(date_format))
        if find_date_fault(text, feature) is None:
            yield text


@settings(max_examples=60)
@given(
    moments=st.lists(st.datetimes(datetime(1678, 1, 1), datetime(2261, 12, 31)), min_size=3, max_size=3),  # noqa: DTZ001
    formats=st.lists(st.sampled_from(FORMATS), min_size=8, max_size=8, unique=True),
)
def test_dates_in_formats_of_training_are_read_as_autogluon_reads_them(
    text_dates: Any, moments: list[datetime], formats: list[str]
) -> None:
    feature = Feature(name="day", type="datetime", dtype="object", nullable=True, date_formats=tuple(formats))
    rows: list[TypedRow] = [(text,) for text in write_dates(moments, feature)]
    assert len(rows) > len(moments) * len(formats)
    assert_equal_encoding(text_dates, FeatureSchema((feature,)), rows)


def test_day_and_month_are_taken_as_autogluon_takes_them(text_dates: Any) -> None:
    feature = Feature(name="day", type="datetime", dtype="object", nullable=True, date_formats=("%d/%m/%Y",))
    rows: list[TypedRow] = [("03/05/2024",), ("13/05/2024",), ("12/12/2024",), ("31/01/2024",), (None,)]
    assert_equal_encoding(text_dates, FeatureSchema((feature,)), rows)


@pytest.mark.parametrize("zone", ZONES)
def test_wall_times_around_every_clock_change_are_read_as_pandas_reads_them(zone: str) -> None:
    frame = pd.DataFrame({"seen": make_training_dates().dt.tz_localize("UTC").dt.tz_convert(zone)})
    feature = Feature(name="seen", type="datetime", dtype=f"datetime64[ns, {zone}]", nullable=True, time_zone=zone)
    changes = [change for change in frame["seen"].dtype.tz._utc_transition_times if change.year > 1800]
    near = [timedelta(minutes=minutes) for minutes in range(-60 * 15, 60 * 15, 60)]
    short = [timedelta(0), timedelta(minutes=30), timedelta(microseconds=-1)]
    walls = {change + hours + more for change in changes for hours in near for more in short}
    rows: list[TypedRow] = [(wall.isoformat() + ("789" if wall.microsecond else ""),) for wall in walls]
    assert_equal_encoding(fit_dates(frame), FeatureSchema((feature,)), rows)


@pytest.mark.parametrize("zone", ["UTC", "UTC+05:30"])
@given(wall=st.datetimes(datetime(1679, 1, 1), datetime(2261, 1, 1)))  # noqa: DTZ001
@settings(max_examples=20)
def test_zones_without_clock_changes_are_one_offset(zone: str, wall: datetime) -> None:
    frame = pd.DataFrame({"seen": make_training_dates().dt.tz_localize("UTC").dt.tz_convert(zone)})
    feature = Feature(name="seen", type="datetime", dtype=f"datetime64[ns, {zone}]", nullable=True, time_zone=zone)
    assert_equal_encoding(fit_dates(frame), FeatureSchema((feature,)), [(wall.isoformat(),), (None,)])
