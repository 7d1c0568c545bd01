from __future__ import annotations

import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runtime.dates.formats import make_date_reader

FORMATS = [
    *("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d %b %Y", "%B %d, %Y", "%d%m%Y", "%Y%m%d %H:%M:%S", "%d %b %y"),
    *("%m/%d/%Y %I:%M %p", "%a, %d %b %Y %H:%M:%S", "%A, %B %d, %Y", "%d.%m.%Y %H:%M:%S.%f", "%Y%m%dT%H%M%S"),
    *("%H:%M %m/%d/%Y", "%Y-%d-%m", "%d-%m-%Y", "(%Y) %d %m", "%d %B%Y", "%d/%Y", "%Y %j", "%H %p %Y"),
]
moments = st.datetimes()


def respell(text: str, data: st.DataObject) -> str:
    """As somebody else would write it, or wrongly."""
    position = data.draw(st.integers(0, len(text)))
    other = data.draw(st.sampled_from([*"0123456789 /.:-a", "\t", "\u0661", "\u00a0"]))
    spelt: str = data.draw(
        st.sampled_from(
            [
                text,
                text.upper(),
                text.swapcase(),
                text[:position] + text[position + 1 :],
                text[:position] + other + text[position:],
                text[:position] + other + text[position + 1 :],
                text.replace("0", ""),
                re.sub(r"\b0", "", text),
                text.replace(" ", "  "),
                text + " ",
            ]
        )
    )
    return spelt


def parse_by_python(text: str, formats: list[str]) -> datetime | None:
    for date_format in formats:
        try:
            return datetime.strptime(text, date_format)  # noqa: DTZ007 - a naive date stays naive
        except ValueError:
            continue
    return None


@given(st.lists(st.sampled_from(FORMATS), min_size=1, max_size=3), st.sampled_from(FORMATS), moments, st.data())
def test_what_is_read_is_what_python_reads(
    formats: list[str], written_in: str, moment: datetime, data: st.DataObject
) -> None:
    spelt = respell(moment.strftime(written_in), data)
    found = make_date_reader(tuple(formats))(spelt)
    assert found is None or found == parse_by_python(spelt, formats)


@given(
    st.data(),
    moments.map(lambda moment: moment.replace(year=2000 + moment.year % 17 * 4)),
    st.sampled_from(FORMATS[:13]),
)
def test_what_is_written_plainly_is_read(data: st.DataObject, moment: datetime, date_format: str) -> None:
    text = moment.strftime(date_format)
    if not date_format.startswith(("%d%m", "%Y%m")) and "%y" not in date_format:
        text = data.draw(st.sampled_from([text, re.sub(r"\b0(?=\d)", "", text), text.upper()]))
    assert make_date_reader((date_format,))(text) == parse_by_python(text, [date_format]) is not None


@pytest.mark.parametrize(
    ("formats", "text"),
    [
        (["%d %b %y", "%d %b %Y"], "03 Feb 2024"),
        (["%d.%m.%Y", "%m.%d.%Y"], "02.13.2024"),
        (["%d.%m.%Y", "%m/%d/%Y", "%d %b %Y"], "2/13/2024"),
        (["%m/%d/%Y", "%d/%m/%Y"], "31/1/2024"),
    ],
)
def test_a_date_that_the_first_format_certainly_refuses_is_read_in_the_next(formats: list[str], text: str) -> None:
    assert make_date_reader(tuple(formats))(text) == parse_by_python(text, formats) is not None


@pytest.mark.parametrize(
    ("formats", "text"),
    [
        (["%d.%m.%Y"], "31.02.2024"),
        (["%d %b %Y"], "03 Fob 2024"),
        (["%d %b %Y"], "03 fEB 2024"),
        (["%d %b %Y"], "03\tFeb 2024"),
        (["%d.%m.%Y", "%m.%d.%Y"], " 3.2.2024"),
        (["%Y %j", "%d.%m.%Y"], "03.02.2024"),
        (["%d.%m.%Y%"], "03.02.2024"),
        ([], "03.02.2024"),
    ],
)
def test_what_only_python_can_tell_is_left_to_it(formats: list[str], text: str) -> None:
    assert make_date_reader(tuple(formats))(text) is None
