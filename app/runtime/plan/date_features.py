"""A date of a row as the numbers that AutoGluon makes of it: nanoseconds since 1970 and the parts of the UTC date."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any

from app.release.schema import Feature
from app.runtime.dates.reading import parse_date

DATE_PARTS = ("value", "year", "month", "day", "dayofweek")
DateParts = tuple[float, ...]

_REMEMBERED_DATES = 4096
_EPOCH_DAY = datetime(1970, 1, 1).toordinal()  # noqa: DTZ001 - a day, not a moment
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive moments are UTC below
_SECOND = timedelta(seconds=1)
_HOUR, _DAY = 3600, 86_400
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
        feature = Feature(
            name="", type="datetime", dtype="object", nullable=True, date_formats=tuple(document["formats"])
        )
        # This takes as long as all else here, and dates in such formats are mostly days, which repeat.
        self._parse = lru_cache(_REMEMBERED_DATES)(partial(parse_date, feature=feature))
        self._clock = WallClock(document["zone"]) if document["zone"] else None

    def read(self, text: str | None) -> DateParts:
        """The parts in the order of DATE_PARTS."""
        if text is None:
            return self._mean
        try:
            # What this reads of the accepted texts is ISO 8601; Python 3.10 reads less of it, and the rest below.
            moment: datetime | None = datetime.fromisoformat(text)
        except ValueError:
            moment = self._parse(text)
        if moment is None:
            return self._mean
        if moment.tzinfo is not None:
            moment = moment.replace(tzinfo=None) - (moment.utcoffset() or timedelta())
        elif self._clock is not None:
            seconds, is_shown = self._clock.find_utc_seconds((moment - _EPOCH) // _SECOND)
            if not is_shown:
                return _split(_EPOCH + timedelta(seconds=seconds), 0)
            moment = _EPOCH + timedelta(seconds=seconds, microseconds=moment.microsecond)
        return _split(moment, _read_nanoseconds(text))


def _read_nanoseconds(text: str) -> int:
    """The digits 7 to 9 of the fraction, which a datetime drops."""
    if len(text) < _SHORTEST_WITH_NANOSECONDS:
        return 0
    match = _NANOSECONDS.search(text)
    return int(match[1].ljust(3, "0")) if match else 0


def _split(moment: datetime, nanoseconds: int) -> DateParts:
    days = moment.toordinal() - _EPOCH_DAY
    seconds = days * _DAY + moment.hour * _HOUR + moment.minute * 60 + moment.second
    return (
        float((seconds * 1_000_000 + moment.microsecond) * 1000 + nanoseconds),
        float(moment.year),
        float(moment.month),
        float(moment.day),
        float(moment.weekday()),
    )


class WallClock:
    """Wall time of a zone as UTC, decision for decision as pandas' `tz_localize` has it (tzconversion.pyx).

    Of two readings the later counts (ambiguous=False). Where the clock skipped an hour the next full hour counts
    (nonexistent="shift_forward"), which is not always the moment of the change.

    Args:
        document: `offsets` in seconds, and `changes`, the UTC second from which each holds.
    """

    def __init__(self, document: Mapping[str, Sequence[int]]) -> None:
        self._changes, self._offsets = document["changes"], document["offsets"]

    def find_utc_seconds(self, wall: int) -> tuple[int, bool]:
        """The UTC second of a wall second, and whether the clock showed it at all."""
        later, earlier = self._read_with(wall + _DAY, wall), self._read_with(wall - _DAY, wall)
        if later is not None:
            return later, True
        return (earlier, True) if earlier is not None else (self._shift_forward(wall), False)

    def _read_with(self, near: int, wall: int) -> int | None:
        """Read wall time with the offset that holds near it; None when that offset does not hold then."""
        moment = wall - self._offsets[self._find(near)]
        return moment if moment + self._offsets[self._find(moment)] == wall else None

    def _shift_forward(self, wall: int) -> int:
        full_hour = (wall // _HOUR + 1) * _HOUR
        change = bisect_right(self._changes, full_hour)
        if self._offsets[change - 1] >= 0 or self._offsets[0] > 0:
            change -= 1
        return full_hour - self._offsets[change]

    def _find(self, second: int) -> int:
        return max(bisect_right(self._changes, second) - 1, 0)
