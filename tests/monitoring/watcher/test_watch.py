from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from app.monitoring.watcher.file import WatcherFile
from app.monitoring.watcher.parts import MakePart
from app.monitoring.watcher.traffic import TrafficPart
from app.monitoring.watcher.watch import MOST_RECORDS, Makers, Watch
from tests.monitoring.watcher.builders import START, append_records, fill_up, make_record
from tests.monitoring.watcher.parts import CountingPart, KeepingJudge


class Watching:
    """A watch whose part and judge can be looked at."""

    def __init__(self, home: Path, *others: MakePart) -> None:
        self.log = home / "logs" / "a.jsonl"
        self.judge = KeepingJudge()
        self.part = CountingPart(None)
        self.file = WatcherFile(home / "watcher.db", owner="first")
        parts = {"counting": self._make_part, **{f"part {n}": make for n, make in enumerate(others)}}
        makers = Makers(parts=parts, judge=self._make_judge)
        self.watch = Watch(self.file, self.log.parent, makers, clock=lambda: START + timedelta(seconds=60))

    def read_all(self) -> None:
        while self.watch.take_batch():
            pass

    def count_stored(self) -> int:
        return self.file.connection.execute("SELECT coalesce(sum(records), 0) FROM counted").fetchone()[0] or 0

    def _make_part(self, state: object) -> CountingPart:
        self.part = CountingPart(state)
        return self.part

    def _make_judge(self, state: object) -> KeepingJudge:
        self.judge = KeepingJudge(state)
        return self.judge


@contextmanager
def opened(home: Path, *others: MakePart) -> Iterator[Watching]:
    watching = Watching(home, *others)
    yield watching
    watching.watch.close()


def test_records_are_taken_batch_by_batch_and_each_once_also_by_who_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path) as first:
        append_records(first.log, *[make_record()] * (MOST_RECORDS + 10))
        assert first.watch.take_batch() is True
    # Killed here: nothing was closed in an orderly way but the connection.
    with opened(tmp_path) as second:
        assert second.part.records == MOST_RECORDS
        assert second.watch.take_batch() is False
        append_records(second.log, make_record())
        second.read_all()
        assert (second.part.records, second.count_stored()) == (MOST_RECORDS + 11, MOST_RECORDS + 11)


def test_ended_in_the_midst_of_keeping_a_batch_nothing_of_it_is_kept(tmp_path: Path) -> None:
    def end() -> None:
        raise KeyboardInterrupt

    with opened(tmp_path) as first:
        append_records(first.log, *[make_record()] * 10)
        first.part.to_state = end  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            first.watch.take_batch()
        first.file.close()
        first.watch.close = lambda: None  # type: ignore[method-assign]
    with opened(tmp_path) as second:
        assert (second.part.records, second.count_stored()) == (0, 0)
        second.read_all()
        assert (second.part.records, second.count_stored()) == (10, 10)


def test_a_round_polls_tells_judges_and_keeps_what_came_of_it(tmp_path: Path) -> None:
    with opened(tmp_path) as watching:
        append_records(watching.log, make_record(), make_record())
        watching.read_all()
        watching.watch.finish_round()
        assert watching.part.polls == 1
        assert watching.judge.figures_seen == {
            "requests_per_minute": 2,
            "watcher_lag_seconds": 0,
            "watcher_failures": 0,
            "undelivered_alerts": 0,
        }
        told = {snapshot.kind: snapshot.document for snapshot in watching.file.list_waiting(10).values()}
        assert told == {"traffic": {"records": 2}, "alert": {}}
    with opened(tmp_path) as again:
        assert (again.part.records, again.judge.rounds) == (2, 1)


def test_the_sign_of_life_tells_how_far_it_is_and_what_failed(tmp_path: Path) -> None:
    with opened(tmp_path) as watching:
        append_records(watching.log, *[make_record(seconds=18)] * (MOST_RECORDS + 1))
        watching.watch.take_batch()
        watching.part.fails = ["poll"]
        watching.watch.finish_round()
        sign = watching.watch.describe()
        assert (sign.kind, sign.identity, sign.window_end) == ("watcher", "watcher", START + timedelta(seconds=60))
        assert (sign.document["records"], sign.document["lag_seconds"]) == (MOST_RECORDS, 42)
        assert sign.document["lag_bytes"] > 0
        assert sign.document["failures"]["counting"]["count"] == 1
        watching.watch.finish_round()
        assert watching.judge.figures_seen["watcher_failures"] == 1
        assert watching.judge.figures_seen["watcher_lag_seconds"] == 42


def test_while_its_disk_is_full_it_takes_nothing_in_and_the_judge_hears_of_it(tmp_path: Path) -> None:
    with opened(tmp_path) as watching:
        append_records(watching.log, make_record())
        watching.read_all()
        append_records(watching.log, *[make_record()] * 1000)
        with fill_up(watching.file):
            watching.part.fails = ["state is large"]
            watching.part.to_state = lambda: "x" * 1_000_000  # type: ignore[method-assign]
            assert watching.watch.take_batch() is False
            assert (watching.part.records, watching.count_stored(), watching.watch.records) == (1, 1, 1)
            watching.watch.finish_round()
            assert watching.judge.figures_seen["watcher_failures"] == 1
        watching.read_all()
        assert (watching.part.records, watching.count_stored(), watching.watch.records) == (1001, 1001, 1001)


def test_a_log_that_cannot_be_read_is_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("not a directory")
    with opened(tmp_path) as watching:
        assert watching.watch.take_batch() is False
        watching.watch.finish_round()
        assert watching.judge.figures_seen["watcher_failures"] == 1
        assert (
            watching.watch.describe()
            .document["failures"]["reading"]["last"]
            .startswith("read the log: NotADirectoryError")
        )


def test_memory_is_that_of_a_batch_however_long_the_log_is(tmp_path: Path) -> None:
    batches = 8
    with opened(tmp_path, TrafficPart) as watching:
        append_records(watching.log, *(make_record(second % 600) for second in range(batches * MOST_RECORDS)))
        tracemalloc.start()
        taken = []
        for _ in range(batches):
            watching.watch.take_batch()
            taken.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert watching.watch.records == batches * MOST_RECORDS
        assert taken[-1] - taken[1] < 100_000
