from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pytest

from app.monitoring.drift.sketcher import LEAST_ROWS, ROWS_AT_ONCE, ProfileSketcher
from app.runtime.dates.reading import read_seconds
from tests.monitoring.drift.builders import PLACES, Row, change, make_probabilities, make_profile, make_rows

OPENED = make_profile()


def make_sketcher() -> ProfileSketcher:
    return ProfileSketcher("3", OPENED, read_date=read_seconds, clock=lambda: 1_790_000_000.0)


def add(sketcher: ProfileSketcher, rows: Sequence[Row]) -> None:
    sketcher.add(rows, ["yes"] * len(rows), make_probabilities(len(rows)))


def test_a_sketch_tells_how_often_each_bin_was_met_and_nothing_of_a_row() -> None:
    rows = make_rows(700, seed=1)
    sketcher = make_sketcher()
    add(sketcher, rows)
    sketch: Any = sketcher.flush()
    assert {name: sketch[name] for name in ("kind", "at", "since", "version", "profile", "rows")} == {
        "kind": "sketch",
        "at": "2026-09-21T14:13:20.000Z",
        "since": "2026-09-21T14:13:20.000Z",
        "version": "3",
        "profile": "p1",
        "rows": 700,
    }
    total, counts = sketch["features"][PLACES["city"]]
    assert total == 0
    assert counts == [sum(row[2] == city for row in rows) for city in ("Bonn", "Oslo", "Rome")] + [0, 0, 0]
    assert [sum(counts) for _, counts in sketch["features"]] == [700] * 6
    assert sketch["answers"] == [[pytest.approx(349.65), [0, *[70] * 10, 0, 0]]]
    assert sketch == orjson.loads(orjson.dumps(sketch))


def test_rows_one_by_one_make_the_same_sketch_as_rows_together() -> None:
    rows = make_rows(2 * ROWS_AT_ONCE + 7, seed=2)
    together, alone = make_sketcher(), make_sketcher()
    together.add(rows, ["yes"] * len(rows), make_probabilities(len(rows)))
    for row, probability in zip(rows, make_probabilities(len(rows)), strict=True):
        alone.add([row], ["yes"], [probability])
    one, other = together.flush(), alone.flush()
    assert one is not None
    assert other is not None
    for name in ("features", "answers"):
        for (total, counts), (other_total, other_counts) in zip(one[name], other[name], strict=True):
            assert counts == other_counts
            assert total == pytest.approx(other_total)


def test_of_few_rows_nothing_is_told_before_there_are_more() -> None:
    sketcher = make_sketcher()
    add(sketcher, make_rows(LEAST_ROWS - 1))
    assert sketcher.flush() is None
    add(sketcher, make_rows(1))
    told: Any = sketcher.flush()
    assert told["rows"] == LEAST_ROWS
    assert sketcher.flush() is None


def test_a_number_outside_of_training_counts_in_the_sum_as_the_nearest_inside() -> None:
    rows = change(make_rows(100), "amount", [1e9] * 99 + [None])
    sketcher = make_sketcher()
    add(sketcher, rows)
    told: Any = sketcher.flush()
    total, counts = told["features"][PLACES["amount"]]
    greatest = OPENED.profile.features[0].bins.stretches[-1][1]  # type: ignore[union-attr] # a number
    assert total == pytest.approx(99 * greatest)
    assert counts[-2:] == [99, 1]


def test_what_is_held_does_not_grow_with_rows() -> None:
    sketcher = make_sketcher()
    for _ in range(20):
        add(sketcher, make_rows(100))
        assert len(sketcher._rows) < ROWS_AT_ONCE
    assert all(counter._counts.dtype == np.int64 for counter in sketcher._features)


def test_rows_of_another_shape_are_left_out_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    sketcher = make_sketcher()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            sketcher.add([("1", 2)] * ROWS_AT_ONCE, ["yes"] * ROWS_AT_ONCE, make_probabilities(ROWS_AT_ONCE))
    assert sketcher.left_out == 2 * ROWS_AT_ONCE
    assert sketcher.flush() is None
    assert len(caplog.records) == 1
    add(sketcher, make_rows(100))
    told: Any = sketcher.flush()
    assert told["rows"] == 100
