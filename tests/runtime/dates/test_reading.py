from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.release.schema import Feature
from app.runtime.dates.reading import parse_date, read_moment, read_seconds

FEATURE = Feature(name="when", type="datetime", dtype="object", nullable=True, date_formats=("%d %b %Y", "%d%m%Y"))
MOMENTS = st.datetimes(datetime(1678, 1, 2), datetime(2261, 12, 30))  # noqa: DTZ001 - also dates without a zone
ZONES = st.none() | st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(MOMENTS, ZONES, st.sampled_from(["auto", "minutes", "seconds", "milliseconds"]))
def test_a_date_in_seconds_is_the_moment_that_it_was_accepted_as(
    moment: datetime, zone: timezone | None, precision: str
) -> None:
    text = moment.replace(tzinfo=zone).isoformat(timespec=precision)
    accepted = read_moment(parse_date(text, FEATURE))
    assert accepted is not None
    assert read_seconds(text, FEATURE) == accepted.timestamp()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86400.0),
        ("1970-01-01T00:00:01.123456789Z", 1.123456),
        ("02 Jan 1970", 86400.0),
        ("02011970", 86400.0),
        ("1970-W01-5", None),
        ("1970-02-30", None),
        ("soon", None),
        ("", None),
    ],
)
def test_every_form_of_a_date_is_read_and_nothing_else(text: str, seconds: float | None) -> None:
    assert read_seconds(text, FEATURE) == seconds
