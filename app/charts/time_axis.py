"""Axes of time: the round moments that are marked on them, in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from app.charts.chart import Canvas, Tick

_HOUR = timedelta(hours=1)
# Spans up to the first are marked every second, written as the third.
_STEPS = (
    (timedelta(hours=2), timedelta(minutes=15), "%H:%M"),
    (timedelta(hours=30), 6 * _HOUR, "%H:%M"),
    (timedelta(days=10), 24 * _HOUR, "%a %d"),
)


def list_time_ticks(canvas: Canvas, start: datetime, end: datetime) -> tuple[Tick, ...]:
    """Marks at round moments between two, for a canvas whose x counts seconds since 1970."""
    step, form = next(((step, form) for span, step, form in _STEPS if end - start <= span), (24 * _HOUR, "%d %b"))
    return tuple(
        Tick(canvas.place((moment.timestamp(), 0.0))[0], moment.strftime(form))
        for moment in _list_round_moments(start, end, step)
    )


def _list_round_moments(start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    seconds = step.total_seconds()
    moment = datetime.fromtimestamp(-(-start.timestamp() // seconds) * seconds, tz=timezone.utc)
    while moment <= end:
        yield moment
        moment += step
