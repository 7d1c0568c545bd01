"""Watchers that are killed at random moments while the log grows, each followed by another; what was counted then."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import orjson

from app.database import create_tables, opened_database
from app.monitoring.prediction_log.files import LogFiles, Retention
from app.monitoring.snapshots import SnapshotStore, now_in_utc
from app.monitoring.watcher.watcher import Pace
from app.wiring.prediction_log import find_prediction_log
from app.wiring.watcher import build_watcher
from config.settings import Settings, load_settings
from tests.monitoring.watcher.builders import make_record, name_moment
from tests.server import wait_until

# At work nearly all the time, so that a random moment is one of work.
BUSY = Pace(between_looks=0.002, between_rounds=0.05, between_renewals=0.02)
_SECONDS_TO_COUNT = 60.0


def watch_until_killed(home: str) -> None:
    settings = load_settings({"GLUONSERVE_HOME": home})
    with opened_database(settings.database_url) as database:
        build_watcher(settings, database, pace=BUSY).run(threading.Event())


def count_after_kills(home: Path, *, kills: int, most_seconds: float, seed: int) -> tuple[int, int]:
    """Kill one watcher after the other.

    Returns: How many requests were logged, and how many the snapshots in the database tell of.
    """
    settings = load_settings({"GLUONSERVE_HOME": str(home)})
    chooser = random.Random(seed)
    with opened_database(settings.database_url) as database:
        create_tables(database)
        store = SnapshotStore(database)
        with growing_log(settings) as log:
            for _ in range(kills):
                watcher = _start(home)
                time.sleep(chooser.uniform(0, most_seconds))
                watcher.kill()
                watcher.join()
        last = _start(home)
        try:
            wait_until(lambda: _count_told(store) >= log.lines, seconds=_SECONDS_TO_COUNT)
            time.sleep(0.5)
            return log.lines, _count_told(store)
        finally:
            last.kill()
            last.join()


class GrowingLog:
    """Writes requests of the last hour as a worker does, in small files."""

    def __init__(self, settings: Settings) -> None:
        self.lines = 0
        retention = Retention(file_bytes=200_000, file_seconds=86_400, keep_seconds=86_400, keep_bytes=10**9)
        self._files = LogFiles(find_prediction_log(settings), retention)
        self._begun = now_in_utc() - timedelta(hours=1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._files.close()

    def _run(self) -> None:
        while not self._stop.wait(0.005):
            moments = [self._begun + timedelta(seconds=(self.lines + n) % 1800) for n in range(20)]
            lines = b"".join(orjson.dumps(make_record(at=name_moment(moment))) + b"\n" for moment in moments)
            assert self._files.append(lines) == len(lines)
            self.lines += len(moments)


@contextmanager
def growing_log(settings: Settings) -> Iterator[GrowingLog]:
    log = GrowingLog(settings)
    log.start()
    try:
        yield log
    finally:
        log.close()


def _start(home: Path) -> BaseProcess:
    """From one process that has loaded all of the program, so that each is at work at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["app.wiring.watcher", "tests.flows.monitoring.killing"])
    process = context.Process(target=watch_until_killed, args=(str(home),))
    process.start()
    return process


def _count_told(store: SnapshotStore) -> int:
    return sum(told.document["requests"] for told in store.list("traffic"))
