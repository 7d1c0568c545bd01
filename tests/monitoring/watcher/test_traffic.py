from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from app.monitoring.snapshots import Snapshot
from app.monitoring.watcher.traffic import TrafficPart
from tests.monitoring.watcher.builders import START, make_record, name_moment


@pytest.fixture
def file() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def make_part(file: sqlite3.Connection, state: object = None) -> TrafficPart:
    part = TrafficPart(state, clock=(START + timedelta(days=3)).timestamp)
    part.prepare(file)
    return part


def consume(part: TrafficPart, file: sqlite3.Connection, *seconds: float) -> None:
    for second in seconds:
        part.consume(make_record(second, rows=2))
    part.store(file)


def count_requests(told: Sequence[Snapshot]) -> list[tuple[str, float, int]]:
    return [
        (snapshot.kind, (snapshot.window_start - START).total_seconds(), snapshot.document["requests"])
        for snapshot in told
    ]


def test_a_minute_is_told_once_when_it_is_over_and_the_hour_up_to_now(file: sqlite3.Connection) -> None:
    part = make_part(file)
    consume(part, file, 1, 59.9, 60, 61, 62)
    assert count_requests(part.snapshots(START + timedelta(seconds=74))) == [("traffic_hour", 0, 5)]
    assert count_requests(part.snapshots(START + timedelta(seconds=75))) == [("traffic", 0, 2)]
    assert part.snapshots(START + timedelta(seconds=80)) == []
    assert count_requests(part.snapshots(START + timedelta(seconds=135))) == [("traffic", 60, 3)]


def test_lines_that_are_read_late_are_added_to_their_minute_which_is_told_again(file: sqlite3.Connection) -> None:
    part = make_part(file)
    consume(part, file, 1, 2)
    first = part.snapshots(START + timedelta(days=3))
    consume(part, file, 3)
    second = part.snapshots(START + timedelta(days=3, seconds=10))
    assert count_requests(first) == [("traffic", 0, 2), ("traffic_hour", 0, 2)]
    assert count_requests(second) == [("traffic", 0, 3), ("traffic_hour", 0, 3)]
    assert [told.identity for told in first] == [told.identity for told in second]


def test_windows_that_nothing_was_added_to_for_days_are_forgotten(file: sqlite3.Connection) -> None:
    part = make_part(file)
    consume(part, file, 1)
    left = "SELECT kind FROM traffic_windows"
    part.snapshots(START + timedelta(days=4))
    assert len(file.execute(left).fetchall()) == 2
    part.snapshots(START + timedelta(days=6))
    assert file.execute(left).fetchall() == [("traffic_hour",)]
    part.snapshots(START + timedelta(days=13))
    assert file.execute(left).fetchall() == []


def test_figures_tell_of_the_last_full_minute_and_of_the_last_five(file: sqlite3.Connection) -> None:
    part = make_part(file)
    consume(part, file, -400, 1, 2, 59)
    part.consume(make_record(60, status=503, error="overloaded"))
    part.consume(make_record(60, status=500, error="internal_error"))
    part.consume({"kind": "lost", "at": name_moment(START), "lines": 5})
    part.store(file)
    now = START + timedelta(seconds=70)
    figures = {figure.name: figure.value for figure in part.figures(now)}
    assert all(figure.at == now and not figure.labels for figure in part.figures(now))
    assert figures == {
        "requests_per_minute": 3,
        "rows_per_minute": 6,
        "error_share": 0.2,
        "refused_share": 0.2,
        "warning_share": 0,
        "lost_log_lines": 5,
        "latency_p50_ms": pytest.approx(1.0, rel=0.021),
        "latency_p99_ms": pytest.approx(1.0, rel=0.021),
        "seconds_since_prediction": 11.0,
    }


def test_without_traffic_there_are_no_shares(file: sqlite3.Connection) -> None:
    figures = {figure.name: figure.value for figure in make_part(file).figures(START)}
    assert figures == {"requests_per_minute": 0, "rows_per_minute": 0, "lost_log_lines": 0}


def test_the_last_prediction_is_known_after_a_restart(file: sqlite3.Connection) -> None:
    part = make_part(file)
    consume(part, file, 30, 10)
    again = make_part(file, part.to_state())
    figures = {figure.name: figure.value for figure in again.figures(START + timedelta(hours=1))}
    assert figures["seconds_since_prediction"] == 3570
