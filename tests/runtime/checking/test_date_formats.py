from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.runtime.checking.date_formats import make_date_reader

FORMATS = ["%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d %b %Y", "%B %d, %Y", "%d%m%Y", "%Y%m%d %H:%M:%S", "%d %b %y"]
moments = st.datetimes().map(lambda moment: moment.replace(microsecond=0))


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
    text = moment.strftime(written_in)
    position = data.draw(st.integers(0, len(text)))
    spelt = data.draw(
        st.sampled_from([text, text.upper(), text[:position] + text[position + 1 :], text.replace("0", ""), text + " "])
    )
    found = make_date_reader(formats)(spelt)
    assert found is None or found == parse_by_python(spelt, formats)


@pytest.mark.parametrize(
    ("date_format", "text"),
    [("%d.%m.%Y", "03.02.2024"), ("%d %b %Y", "03 Feb 2024"), ("%B %d, %Y", "May 01, 2024"), ("%Y%m%d", "20240203")],
)
def test_what_is_written_out_is_read(date_format: str, text: str) -> None:
    assert make_date_reader([date_format])(text) == parse_by_python(text, [date_format])


@pytest.mark.parametrize(
    ("formats", "text"),
    [
        (["%d.%m.%Y"], "31.02.2024"),
        (["%d.%m.%Y"], "3.2.2024"),
        (["%d %b %Y"], "03 Fob 2024"),
        (["%d %b %y", "%d %b %Y"], "03 Feb 2024"),
        (["%d.%m.%Y", "%m.%d.%Y"], "02.13.2024"),
        ([], "03.02.2024"),
    ],
)
def test_what_only_python_can_tell_is_left_to_it(formats: list[str], text: str) -> None:
    assert make_date_reader(formats)(text) is None
