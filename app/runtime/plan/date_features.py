"""A date of a row as the numbers that AutoGluon makes of it: nanoseconds since 1970 and the parts of the UTC date."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from app.release.schema import Feature
from app.runtime.dates import parse_date

DATE_PARTS = ("value", "year", "month", "day", "dayofweek")
DateParts = tuple[float, ...]

_EPOCH_DAY = datetime(1970, 1, 1).toordinal()  # noqa: DTZ001 - a day, not a moment
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive moments are UTC below
_SECOND = timedelta(seconds=1)
# Digits of a fraction that a datetime has no room for, and the shortest text that has any.
_NANOSECONDS = re.compile(r"\.\d{6}(\d{1,3})", re.ASCII)
_SHORTEST_WITH_NANOSECONDS = len("2024-01-01T00:00:00.0000001")


class DateReader:
    """Reads the texts of one column, which the row validator has accepted.

    Args:
        document: `mean` (what stands in for null), `formats` (besides ISO 8601) and `zone` (clock changes of a column
            with a time zone, or null).
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._mean: DateParts = tuple(float(document["mean"][part]) for part in DATE_PARTS)
        self._feature = Feature(
            name="", type="datetime", dtype="object", nullable=True, date_formats=tuple(document["formats"])
        )
        self._read_wall_time = _make_wall_clock(document["zone"]) if document["zone"] else None

    def read(self, text: str | None) -> DateParts:
        """The parts in the order of DATE_PARTS."""
        if text is None:
            return self._mean
        try:
            # What this reads of the accepted texts is ISO 8601; Python 3.10 reads less of it, and the rest below.
            moment: datetime | None = datetime.fromisoformat(text)
        except ValueError:
            moment = parse_date(text, self._feature)
        if moment is None:
            return self._mean
        if moment.tzinfo is not None:
            moment = moment.replace(tzinfo=None) - (moment.utcoffset() or timedelta())
        elif self._read_wall_time is not None:
            return self._read_wall_time(moment, _read_nanoseconds(text))
        return _split(moment, _read_nanoseconds(text))


def _read_nanoseconds(text: str) -> int:
    """The digits 7 to 9 of the fraction, which a datetime drops."""
    if len(text) < _SHORTEST_WITH_NANOSECONDS:
        return 0
    match = _NANOSECONDS.search(text)
    return int(match[1].ljust(3, "0")) if match else 0


def _split(moment: datetime, nanoseconds: int) -> DateParts:
    days = moment.toordinal() - _EPOCH_DAY
    seconds = days * 86_400 + moment.hour * 3600 + moment.minute * 60 + moment.second
    return (
        float((seconds * 1_000_000 + moment.microsecond) * 1000 + nanoseconds),
        float(moment.year),
        float(moment.month),
        float(moment.day),
        float(moment.weekday()),
    )


def _make_wall_clock(zone: Mapping[str, Sequence[int]]) -> Callable[[datetime, int], DateParts]:
    """Read wall time of a zone: the later of two readings, and the moment of the change where the clock skipped it."""
    starts, offsets, changes = zone["starts"], zone["offsets"], zone["changes"]

    def read(wall: datetime, nanoseconds: int) -> DateParts:
        second = (wall - _EPOCH) // _SECOND
        change = max(bisect_right(starts, second) - 1, 0)
        if second - offsets[change] < changes[change]:
            return _split(_EPOCH + changes[change] * _SECOND, 0)
        return _split(wall - offsets[change] * _SECOND, nanoseconds)

    return read
