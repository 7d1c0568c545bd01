"""The watcher's work on its file: the log goes in batch by batch, figures and snapshots come out."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.monitoring.figures import Figure
from app.monitoring.prediction_log.reader import LogReader, Position, Record
from app.monitoring.snapshots import Snapshot, now_in_utc
from app.monitoring.watcher.failures import Failures
from app.monitoring.watcher.file import FileUnusable, Replaced, WatcherFile
from app.monitoring.watcher.guarding import GuardedJudge, GuardedPart
from app.monitoring.watcher.parts import MakeJudge, MakePart, State

MOST_RECORDS = 2000

logger = logging.getLogger(__name__)

_READING, _JUDGE = "reading", "alerts"


@dataclass(frozen=True, kw_only=True)
class Makers:
    """What a watch is made of: parts by their names, in the order in which they take records, and a judge or none."""

    parts: Mapping[str, MakePart]
    judge: MakeJudge | None = None


class Watch:
    """How far the log was read, and all that was made of it, change in one transaction of the file: whoever goes on
    after a kill counts nothing twice and leaves nothing out.

    Fallback: while the file cannot be written, the parts go back to what it holds, nothing of the log is taken in, and
    the judge still gets the figures: a full disk is what people have to hear of. Each attempt counts as a failure of
    the reading, and so does a log that cannot be read.

    Attributes:
        records: Read since this process began.
    """

    def __init__(
        self, file: WatcherFile, log: Path, makers: Makers, *, clock: Callable[[], datetime] = now_in_utc
    ) -> None:
        self.file = file
        self.records = 0
        self._log = log
        self._makers = makers
        self._clock = clock
        self._began_at = clock()
        self._failures = {name: Failures(name) for name in (_READING, *makers.parts, _JUDGE)}
        self._failures_told = 0
        self._round_seconds = 0.0
        self._last_read: str | None = None
        self._begin()
        self._judge = GuardedJudge(makers.judge, file.read_state(_JUDGE), failures=self._failures[_JUDGE])

    def take_batch(self) -> bool:
        """Take in what is new of the log, up to a batch; tell whether there is more."""
        records: list[Record] = []
        with self._failures[_READING].attempt("read the log"):
            records = self._reader.read(MOST_RECORDS)
        if self._reader.position == self._position:
            return False
        for part in self._parts.values():
            part.consume(records)
        if not self._keep():
            return False
        self.records += len(records)
        self._last_read = records[-1].get("at") if records else self._last_read
        return self._reader.lag_bytes > 0

    def finish_round(self) -> None:
        """Have the parts look elsewhere and tell what holds now, and have it judged."""
        begun = time.monotonic()
        for part in self._parts.values():
            part.poll()
        now = self._clock()
        figures = [*self._tell_figures(now), *self._judge.figures(now)]
        self._keep(lambda: [told for part in self._parts.values() for told in part.snapshots(now)])
        self._judge.evaluate(figures, now)
        self._keep(lambda: self._judge.snapshots(now))
        self._round_seconds = time.monotonic() - begun

    def describe(self) -> Snapshot:
        """The sign of life."""
        now = self._clock()
        document = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "lag_bytes": self._reader.lag_bytes,
            "lag_seconds": self._measure_lag(now),
            "records": self.records,
            "damaged_lines": self._reader.damaged_lines,
            "waiting_snapshots": self.file.count_waiting(),
            "cycle_seconds": round(self._round_seconds, 3),
            "failures": {
                name: {"count": failures.count, "last": failures.last}
                for name, failures in self._failures.items()
                if failures.count
            },
        }
        return Snapshot(
            kind="watcher", window_start=self._began_at, window_end=now, document=document, identity="watcher"
        )

    def settle(self, *, send_all: bool = False) -> None:
        """Come to an end with the messages that are on their way, or with all that wait; nothing is evaluated any more.

        Fallback: when another process has the file by now, it sends them again.
        """
        try:
            self._judge.settle(send_all=send_all)
            self._keep(lambda: self._judge.snapshots(self._clock()))
        except Replaced:
            logger.debug("Another process goes on with the watcher's file.", exc_info=True)

    def close(self) -> None:
        self.settle()
        self.file.close()

    def _begin(self) -> None:
        """Take up what the file holds."""
        state = self.file.read_state(_READING)
        self._position = Position.from_state(state) if state else Position()
        self._reader = LogReader(self._log, self._position)
        self._parts = {
            name: GuardedPart(
                make,
                self.file.read_state(name),
                failures=self._failures[name],
                connection=self.file.connection,
            )
            for name, make in self._makers.parts.items()
        }

    def _keep(self, tell: Callable[[], list[Snapshot]] = list) -> bool:
        """Write all that changed, with new snapshots; go back to what the file holds when that is not possible."""
        position = self._reader.position
        try:
            with self.file.transaction():
                for part in self._parts.values():
                    part.store()
                self.file.put_to_wait(tell())
                self.file.write_states(self._tell_states(position))
        except FileUnusable as fault:
            self._failures[_READING].note("keep what was read", fault)
            self._begin()
            return False
        self._position = position
        return True

    def _tell_states(self, position: Position) -> dict[str, State]:
        states: dict[str, State] = {name: part.to_state() for name, part in self._parts.items()}
        return {**states, _READING: position.to_state(), _JUDGE: self._judge.to_state()}

    def _tell_figures(self, now: datetime) -> list[Figure]:
        failures = sum(failures.count for failures in self._failures.values())
        new, self._failures_told = failures - self._failures_told, failures
        return [
            *(figure for part in self._parts.values() for figure in part.figures(now)),
            Figure("watcher_lag_seconds", self._measure_lag(now), now),
            Figure("watcher_failures", new, now),
        ]

    def _measure_lag(self, now: datetime) -> float:
        """By the last line that was read: the oldest that was not is hardly younger."""
        if not self._reader.lag_bytes or self._last_read is None:
            return 0.0
        return max(0.0, (now - datetime.fromisoformat(self._last_read.replace("Z", "+00:00"))).total_seconds())
