from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from app.charts.chart import Canvas
from app.charts.scale import UNIT, Scale
from app.charts.time_axis import list_time_ticks

END = datetime(2026, 11, 24, 8, 7, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("length", "marked"),
    [
        (timedelta(hours=1), ["07:15", "07:30", "07:45", "08:00"]),
        (timedelta(hours=24), ["12:00", "18:00", "00:00", "06:00"]),
        (timedelta(days=3), ["Sun 22", "Mon 23", "Tue 24"]),
        (timedelta(days=12), [f"{day} Nov" for day in range(13, 25)]),
    ],
)
def test_round_moments_are_marked(length: timedelta, marked: list[str]) -> None:
    start = END - length
    canvas = Canvas(Scale(start.timestamp(), END.timestamp()), UNIT)

    ticks = list_time_ticks(canvas, start, END)

    assert [tick.text for tick in ticks] == marked
    assert all(canvas.area.left <= tick.at <= canvas.area.right for tick in ticks)
