from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.monitoring.watcher.failures import Failures
from app.monitoring.watcher.file import WatcherFile
from app.monitoring.watcher.guarding import GuardedJudge, GuardedPart
from app.monitoring.watcher.parts import State
from tests.monitoring.watcher.builders import START, make_record
from tests.monitoring.watcher.parts import CountingPart, KeepingJudge


@pytest.fixture
def file(tmp_path: Path) -> Iterator[WatcherFile]:
    opened = WatcherFile(tmp_path / "watcher.db", owner="first")
    yield opened
    opened.close()


def guard(file: WatcherFile, *fails: str | int, state: State | None = None) -> GuardedPart:
    return GuardedPart(
        lambda kept: CountingPart(kept, fails=fails),
        state,
        failures=Failures("counting"),
        connection=file.connection,
    )


def use(part: GuardedPart, file: WatcherFile) -> tuple[int, int, int]:
    """All that is done with a part; what it told."""
    part.poll()
    with file.transaction():
        part.consume([make_record(), make_record()])
        part.store()
        return len(part.figures(START)), len(part.snapshots(START)), part.to_state() or 0


def test_a_part_without_faults_is_as_without_a_guard(file: WatcherFile) -> None:
    part = guard(file)
    assert use(part, file) == (1, 1, 2)
    assert (part.failures.count, part.failures.last) == (0, None)


@pytest.mark.parametrize(
    ("method", "told", "count", "act"),
    [
        ("consume", (1, 1, 0), 2, "take a record"),
        ("store", (1, 1, 2), 1, "store"),
        ("poll", (1, 1, 2), 1, "look elsewhere"),
        ("figures", (0, 1, 2), 1, "tell figures"),
        ("snapshots", (1, 0, 2), 1, "tell snapshots"),
        ("to_state", (1, 1, 0), 1, "tell its state"),
    ],
)
def test_what_fails_is_counted_and_the_rest_goes_on(
    file: WatcherFile, method: str, told: tuple[int, int, int], count: int, act: str
) -> None:
    part = guard(file, method)
    assert use(part, file) == told
    assert part.failures.count == count
    assert part.failures.last is not None
    assert part.failures.last.startswith(f"{act}: ValueError at parts.py:")


def test_what_a_part_wrote_before_it_failed_is_undone_alone(file: WatcherFile) -> None:
    use(guard(file, "store"), file)
    assert file.connection.execute("SELECT sum(records) FROM counted").fetchone() == (None,)
    use(guard(file), file)
    assert file.connection.execute("SELECT sum(records) FROM counted").fetchone() == (2,)


def test_a_state_that_a_part_cannot_be_made_of_is_dropped(file: WatcherFile) -> None:
    part = guard(file, 7, state=7)
    assert use(part, file) == (1, 1, 2)
    assert part.failures.count == 1


def test_a_part_that_cannot_be_made_at_all_does_nothing_and_keeps_its_state(file: WatcherFile) -> None:
    def refuse(state: State | None) -> CountingPart:
        raise ValueError(state)

    part = GuardedPart(refuse, 7, failures=Failures("counting"), connection=file.connection)
    assert use(part, file) == (0, 0, 7)
    assert part.failures.count == 2


def test_the_same_fault_is_logged_once_and_no_value_is_told(
    file: WatcherFile, caplog: pytest.LogCaptureFixture
) -> None:
    part = guard(file, "consume")
    with caplog.at_level(logging.ERROR):
        use(part, file)
        use(part, file)
    assert part.failures.count == 4
    assert len(caplog.records) == 1
    assert "a value of a row" not in str(part.failures.last)


def test_a_judge_that_fails_takes_nothing_from_the_watcher() -> None:
    judge = GuardedJudge(lambda state: KeepingJudge(state, fails=True), 3, failures=Failures("alerts"))
    judge.evaluate([], START)
    assert (judge.failures.count, judge.to_state(), len(judge.snapshots(START))) == (1, 3, 1)


def test_without_a_judge_nobody_judges_and_its_state_is_kept() -> None:
    judge = GuardedJudge(None, 3, failures=Failures("alerts"))
    judge.evaluate([], START)
    assert (judge.figures(START), judge.snapshots(START), judge.to_state()) == ([], [], 3)
