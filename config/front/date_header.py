"""The header Date, formatted once a second: gunicorn formats it for each answer."""

from __future__ import annotations

import time
from collections.abc import Callable

import gunicorn.util

FormatDate = Callable[[float], str]


class DateHeader:
    """Stands in the place of `gunicorn.util.http_date`; threads of a worker share it."""

    def __init__(self, format_date: FormatDate, *, clock: Callable[[], float] = time.time) -> None:
        self._format = format_date
        self._clock = clock
        # Second and text change together.
        self._known = (-1, "")

    def __call__(self, timestamp: float | None = None) -> str:
        if timestamp is not None:
            return self._format(timestamp)
        second = int(self._clock())
        known = self._known
        if known[0] != second:
            known = self._known = (second, self._format(second))
        return known[1]


def format_date_once_a_second() -> None:
    """For a worker: gunicorn has no setting for it."""
    gunicorn.util.http_date = DateHeader(gunicorn.util.http_date)
