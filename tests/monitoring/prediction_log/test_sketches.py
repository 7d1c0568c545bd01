"""When the sums of rows are handed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.monitoring.prediction_log import sketches as module
from app.monitoring.prediction_log.sketches import MOST_ROWS, SECONDS_BETWEEN_SKETCHES, Sketches, make_no_sketcher
from tests.monitoring.builders import make_answer


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class CountsRows:
    def __init__(self, version: str) -> None:
        self._version = version
        self._rows = 0

    def add(
        self, rows: Sequence[Any], labels: Sequence[Any], probabilities: Sequence[Mapping[str, float]] | None
    ) -> None:
        assert len(rows) == len(labels) == len(probabilities or rows)
        self._rows += len(rows)

    def flush(self) -> dict[str, Any] | None:
        rows, self._rows = self._rows, 0
        return {"kind": "sketch", "version": self._version, "rows": rows} if rows else None


def answer(version: str, rows: int) -> Any:
    return make_answer(version=version, rows=rows, typed_rows=[(1,)] * rows, labels=["Yes"] * rows)


def test_each_version_is_handed_on_once_a_minute() -> None:
    clock = Clock()
    sketches = Sketches(CountsRows, clock=clock)
    assert [*sketches.add(answer("1", 2)), *sketches.add(answer("2", 3)), *sketches.add(answer("1", 1))] == []
    clock.now += SECONDS_BETWEEN_SKETCHES - 0.1
    assert sketches.flush_due() == []
    clock.now += 0.1
    assert [(sketch["version"], sketch["rows"]) for sketch in sketches.flush_due()] == [("1", 3), ("2", 3)]
    clock.now += SECONDS_BETWEEN_SKETCHES
    assert sketches.flush_due() == []


def test_many_rows_are_handed_on_at_once() -> None:
    sketches = Sketches(CountsRows, clock=Clock())
    assert sketches.add(answer("1", MOST_ROWS - 1)) == []
    assert [sketch["rows"] for sketch in sketches.add(answer("1", 1))] == [MOST_ROWS]
    assert sketches.add(answer("1", 1)) == []
    assert [sketch["rows"] for sketch in sketches.flush()] == [1]


def test_of_many_versions_the_first_is_handed_on_and_forgotten() -> None:
    sketches = Sketches(CountsRows, clock=Clock())
    handed_on = [sketch["version"] for number in range(10) for sketch in sketches.add(answer(str(number), 1))]
    assert handed_on == ["0", "1"]
    assert len(sketches.flush()) == module._MOST_VERSIONS


def test_where_nobody_looks_for_drift_nothing_is_summed_up() -> None:
    sketches = Sketches(make_no_sketcher, clock=Clock())
    assert sketches.add(answer("1", MOST_ROWS)) == []
    assert sketches.flush() == []
