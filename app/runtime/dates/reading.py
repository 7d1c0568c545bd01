"""Which dates are accepted, and which moment they name. AutoGluon's own parser guesses; this one refuses."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from app.release.schema import Feature
from app.runtime.dates.formats import make_date_reader

_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?)?",
    re.ASCII,
)
# The years that a 64-bit count of nanoseconds holds in full; AutoGluon replaces what lies outside by the mean date.
_FIRST_YEAR, _LAST_YEAR = 1678, 2261
_LONGEST_DATE = 100


def find_date_fault(text: str, feature: Feature) -> str | None:
    """Say what is wrong with a date for this feature; None when it is accepted."""
    moment = parse_date(text, feature)
    if moment is None:
        formats = "".join(f" or {name}" for name in feature.date_formats)
        return f"Expected a date as ISO 8601 text, such as 2026-11-23 or 2026-11-23T04:19:03{formats}."
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        return f"Expected a date from the year {_FIRST_YEAR} to {_LAST_YEAR}."
    if moment.tzinfo is not None and feature.dtype.startswith("datetime64") and feature.time_zone is None:
        return "Expected a date without a time zone: training had none here."
    return None


def parse_date(text: str, feature: Feature) -> datetime | None:
    """Read ISO 8601 text, else one of the formats that training had; None when it is neither."""
    if len(text) > _LONGEST_DATE:
        return None
    match = _ISO.fullmatch(text)
    if match is not None:
        return _build_datetime(match)
    if not feature.date_formats:
        return None
    moment = make_date_reader(feature.date_formats)(text)
    if moment is not None:
        return moment
    for date_format in feature.date_formats:
        try:
            return datetime.strptime(text, date_format)  # noqa: DTZ007 - a naive date stays naive
        except ValueError:
            continue
    return None


def read_moment(moment: datetime | None) -> datetime | None:
    """A moment that can be compared with others: without a time zone it counts as UTC, as in AutoGluon."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=timezone.utc)


def read_seconds(text: str, feature: Feature) -> float | None:
    """A date that was accepted as seconds since 1970; None for what is no date."""
    moment = read_moment(_read_iso(text) or parse_date(text, feature))
    return None if moment is None else moment.timestamp()


def _read_iso(text: str) -> datetime | None:
    """A date in the usual form of ISO 8601, several times as fast as with a look at each part; None for other forms."""
    if text[4:5] == text[7:8] == "-":
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return None
    return None


def _build_datetime(match: re.Match[str]) -> datetime | None:
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    microsecond = int((fraction or "0").ljust(6, "0")[:6])
    try:
        return datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            microsecond,
            _build_zone(zone),
        )
    except ValueError:
        return None


def _build_zone(zone: str | None) -> timezone | None:
    if zone is None:
        return None
    if zone == "Z":
        return timezone.utc
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return timezone(-offset if zone[0] == "-" else offset)
