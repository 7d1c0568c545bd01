from __future__ import annotations

import gunicorn.util

from config.front.date_header import DateHeader


def test_the_date_is_that_of_gunicorn_and_formatted_once_a_second() -> None:
    now, formatted = 1_796_000_000.9, []

    def format_date(timestamp: float) -> str:
        formatted.append(timestamp)
        return str(gunicorn.util.http_date(timestamp))

    header = DateHeader(format_date, clock=lambda: now)
    assert header() == header() == gunicorn.util.http_date(now) == "Mon, 30 Nov 2026 00:53:20 GMT"
    now += 0.2
    assert header() == gunicorn.util.http_date(now) == "Mon, 30 Nov 2026 00:53:21 GMT"
    assert formatted == [1_796_000_000, 1_796_000_001]


def test_another_moment_is_formatted_at_once() -> None:
    assert DateHeader(gunicorn.util.http_date)(0.0) == "Thu, 01 Jan 1970 00:00:00 GMT"
