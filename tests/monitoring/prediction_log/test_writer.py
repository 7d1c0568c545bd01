"""The prediction log as a whole: every request is a line, or is counted as lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.monitoring.observation import RequestObserved
from app.monitoring.prediction_log.inputs import KeptInputs, NoInputs
from app.monitoring.prediction_log.losses import SECONDS_TO_RECOVER, Losses
from app.monitoring.prediction_log.reader import LogReader, Record
from app.monitoring.prediction_log.record import LineWriter
from app.monitoring.prediction_log.sketches import Sketches, make_no_sketcher
from app.monitoring.prediction_log.writer import PredictionLog
from tests.monitoring.builders import make_answer, make_event, room_for
from tests.monitoring.prediction_log.test_files import Clock, make_files
from tests.monitoring.prediction_log.test_sketches import CountsRows


def make_log(directory: Path, *, clock: Clock | None = None, **changes: Any) -> PredictionLog:
    clock = clock or Clock()
    files = make_files(directory, clock=clock, file_bytes=10**9)
    usual: dict[str, Any] = {
        "line_writer": LineWriter(NoInputs(), with_outputs=False),
        "sketches": Sketches(make_no_sketcher),
        "losses": Losses(clock=clock),
    }
    return PredictionLog(files, **{**usual, **changes})


def make_events(count: int, *, start: int = 0, **changes: Any) -> list[RequestObserved]:
    return [make_event(make_answer(), request_id=f"r{number:06}", **changes) for number in range(start, start + count)]


def read_log(directory: Path) -> list[Record]:
    opened = LogReader(directory)
    records = opened.read(1_000_000)
    assert opened.damaged_lines == 0
    return records


def list_ids(records: Sequence[Record]) -> list[str]:
    return [record["request_id"] for record in records if record["kind"] == "request"]


def count_lost(records: Sequence[Record]) -> Counter[str]:
    lost: Counter[str] = Counter()
    for record in records:
        if record["kind"] == "lost":
            lost.update(lines=record["lines"], sketches=record["sketches"])
    return lost


def test_each_request_to_predict_is_a_line_and_no_other_is(tmp_path: Path) -> None:
    log = make_log(tmp_path)
    log.consume([*make_events(3), *make_events(2, start=3, route="/health"), *make_events(1, start=5)], lost=0)
    log.consume([], lost=0)
    log.close()
    assert list_ids(read_log(tmp_path)) == ["r000000", "r000001", "r000002", "r000005"]
    assert (log.lines, log.lost_lines) == (4, 0)


@pytest.mark.parametrize("room", [0, 1, 1000, 1024, 2000, 12_345])
def test_what_finds_no_room_is_counted_to_the_line(tmp_path: Path, room: int, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    log = make_log(tmp_path, clock=clock)
    with room_for(room):
        for number in range(10):
            log.consume(make_events(7, start=7 * number), lost=0)
    for number in range(10, 13):
        log.consume(make_events(7, start=7 * number), lost=0)
    log.close()
    records = read_log(tmp_path)
    told = list_ids(records)
    assert len(told) == len(set(told)) == log.lines
    assert count_lost(records)["lines"] == log.lost_lines == 91 - log.lines > 0
    assert told[-21:] == [f"r{number:06}" for number in range(70, 91)]
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_loss_is_logged_once_and_so_is_its_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    log = make_log(tmp_path, clock=clock)
    for _ in range(5):
        with room_for(0):
            log.consume(make_events(2), lost=0)
        # A short line finds room now and then: that is not the end.
        log.consume(make_events(1), lost=0)
        clock.now += SECONDS_TO_RECOVER / 2
    clock.now += SECONDS_TO_RECOVER
    log.consume([], lost=0)
    log.consume([], lost=0)
    assert [record.getMessage() for record in caplog.records] == [
        "The prediction log loses lines (File too large): they are counted until it can be written again, and "
        "predictions go on.",
        "The prediction log has lost nothing for a minute; it lost 10 lines so far.",
    ]


def test_a_directory_that_cannot_be_made_costs_lines_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "logs").write_text("not a directory")
    directory = tmp_path / "logs" / "predictions"
    log = make_log(directory)
    log.consume(make_events(5), lost=0)
    (tmp_path / "logs").unlink()
    log.consume(make_events(1, start=5), lost=0)
    records = read_log(directory)
    assert (list_ids(records), count_lost(records)["lines"]) == (["r000005"], 5)
    assert "(Not a directory)" in caplog.text


def test_what_nobody_told_of_is_lost_too(tmp_path: Path) -> None:
    log = make_log(tmp_path)
    log.consume(make_events(1), lost=41)
    records = read_log(tmp_path)
    assert [record["kind"] for record in records] == ["lost", "request"]
    assert (records[0]["lines"], log.lost_lines) == (41, 41)


class KeepsNoOdd:
    def keep(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {"value": object() if row["n"] % 2 else row["n"]}


def test_a_request_that_cannot_be_written_loses_its_own_line_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = LineWriter(KeptInputs(lambda _version: KeepsNoOdd()), with_outputs=False)
    log = make_log(tmp_path, line_writer=lines)
    log.consume([make_event(make_answer(inputs=[{"n": n}]), request_id=f"r{n}") for n in range(10)], lost=0)
    log.close()
    assert list_ids(read_log(tmp_path)) == ["r0", "r2", "r4", "r6", "r8"]
    assert log.lost_lines == count_lost(read_log(tmp_path))["lines"] == 5
    assert caplog.text.count("cannot be written to the prediction log") == 1


def test_sketches_are_records_too_and_wait_until_there_is_room(tmp_path: Path) -> None:
    log = make_log(tmp_path, sketches=Sketches(CountsRows))
    with room_for(0):
        for _ in range(70):
            log.consume([make_event(make_answer(rows=10_000, typed_rows=[()] * 10_000, labels=[1] * 10_000))], lost=0)
    log.consume(make_events(1), lost=0)
    log.close()
    records = read_log(tmp_path)
    assert Counter(record["kind"] for record in records) == {"sketch": 64, "request": 1, "lost": 1}
    assert count_lost(records) == {"lines": 70, "sketches": 6}


class FailsToAdd(CountsRows):
    def add(self, *arguments: Any) -> None:  # noqa: ARG002 - as all sketchers
        raise KeyError("plan")


def test_who_fails_to_sum_rows_up_costs_no_line(tmp_path: Path) -> None:
    log = make_log(tmp_path, sketches=Sketches(FailsToAdd))
    for number in range(3):
        with pytest.raises(KeyError):
            log.consume(make_events(1, start=number), lost=0)
    log.close()
    assert (len(list_ids(read_log(tmp_path))), log.lost_lines) == (3, 0)


def test_what_is_summed_up_is_written_at_the_end(tmp_path: Path) -> None:
    log = make_log(tmp_path, sketches=Sketches(CountsRows))
    log.consume([make_event(make_answer(rows=2, typed_rows=[(), ()], labels=[1, 2]))], lost=0)
    log.close()
    assert [record["kind"] for record in read_log(tmp_path)] == ["request", "sketch"]
