"""Moments, durations and counts as sentences say them. All times are in UTC."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from app.charts.text import show_text, write_number

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def write_moment(moment: datetime, now: datetime) -> str:
    """The time of the day, and the date unless it is today's."""
    moment = moment.astimezone(timezone.utc)
    form = "%H:%M" if moment.date() == now.astimezone(timezone.utc).date() else "%d %b %H:%M"
    return f"{moment.strftime(form)} UTC"


def read_moment(text: str | None) -> datetime | None:
    """A moment in ISO 8601 as documents have it; None for what is none."""
    try:
        moment = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def write_written_moment(text: str | None, now: datetime) -> str:
    moment = read_moment(text)
    return write_moment(moment, now) if moment else "–"


def write_duration(duration: timedelta) -> str:
    """In the largest unit that is at least two of, else in one that is."""
    seconds = max(0, round(duration.total_seconds()))
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= 2 * size), _UNITS[-1])
    return count(seconds // size, unit)


def count(number: int, word: str, words: str | None = None) -> str:
    """A number with its word: `1 row`, `2,000 rows`."""
    return f"{number:,} {word if number == 1 else words or word + 's'}"


def write_milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{write_number(value)} ms"


def write_briefly(value: float | None) -> str:
    """Three digits, for numbers that are seen from afar."""
    return "–" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write_bytes(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


def join(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = list(words) or ["nothing"]
    return f"{', '.join(most)} and {last}" if most else last


def show_version(version: str | None) -> str:
    return f"version {show_text(version, most=20)}" if version else "no version"
