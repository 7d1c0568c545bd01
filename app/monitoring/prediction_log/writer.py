"""The prediction log as a consumer of what is observed: a line for each request to a route that predicts."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from app.monitoring.observation import RequestObserved
from app.monitoring.prediction_log.files import LogFiles
from app.monitoring.prediction_log.record import LineWriter, write_loss, write_sketch
from app.monitoring.prediction_log.sketches import Sketches

PREDICTION_ROUTES = frozenset({"/predict"})
# An hour of them: a full disk takes lines away, but hardly a sketch.
_MOST_SKETCHES_WAITING = 64

logger = logging.getLogger(__name__)


class LossCounter(Protocol):
    """Counts lines that were lost, for those who watch from elsewhere; a counter of Prometheus is one."""

    def inc(self, amount: float) -> None: ...


class NoLossCounter:
    def inc(self, amount: float) -> None: ...


class PredictionLog:
    """Writes what it is told in one go each round. It is never waited for, and fails nobody.

    Fallback: lines that cannot be written (the disk is full, the directory is gone or not ours) are lost. They are
    counted exactly, the first failure and its end are logged, and the next line that can be written says how many are
    missing. Sketches wait until there is room, up to an hour of them.

    Attributes:
        lines: Lines of requests that were written.
        lost_lines: Lines of requests that were not, those included that nobody told it of because too many came.
    """

    def __init__(
        self,
        files: LogFiles,
        line_writer: LineWriter,
        sketches: Sketches,
        *,
        losses: LossCounter | None = None,
        routes: Collection[str] = PREDICTION_ROUTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.lines = self.lost_lines = 0
        self._files = files
        self._line_writer = line_writer
        self._sketches = sketches
        self._losses = losses or NoLossCounter()
        self._routes = routes
        self._clock = clock
        self._waiting: deque[bytes] = deque()
        # What no line has told of yet.
        self._untold_lines = self._untold_sketches = 0
        self._fault: str | None = None

    def consume(self, events: Sequence[RequestObserved], *, lost: int) -> None:
        lines = []
        for event in events:
            if event.route in self._routes:
                lines.append(self._line_writer.write(event))
                if event.answer is not None:
                    self._wait(self._sketches.add(event.answer))
        self._wait(self._sketches.flush_due())
        if lost:
            self._count_lost(lost)
        self._write(lines)
        self._files.tend()

    def close(self) -> None:
        self._wait(self._sketches.flush())
        self._write([])
        self._files.close()

    def _wait(self, sketches: Sequence[dict[str, object]]) -> None:
        for sketch in sketches:
            self._waiting.append(write_sketch(sketch))
            if len(self._waiting) > _MOST_SKETCHES_WAITING:
                self._waiting.popleft()
                self._untold_sketches += 1

    def _write(self, lines: Sequence[bytes]) -> None:
        first = self._tell_losses()
        pieces = [*first, *self._waiting, *lines]
        if not pieces:
            return
        try:
            written = self._files.append(b"".join(pieces))
        except OSError as fault:
            self._note_fault(fault)
            self._count_lost(len(lines))
            return
        self._settle(first, lines, written)

    def _tell_losses(self) -> list[bytes]:
        if not (self._untold_lines or self._untold_sketches):
            return []
        return [write_loss(at=self._clock(), lines=self._untold_lines, sketches=self._untold_sketches)]

    def _settle(self, first: Sequence[bytes], lines: Sequence[bytes], written: int) -> None:
        """Find out what of a write is there, which ended with a whole line but perhaps not with the last one."""
        for line in first:
            if written >= len(line):
                self._untold_lines = self._untold_sketches = 0
            written -= len(line)
        while self._waiting and written >= len(self._waiting[0]):
            written -= len(self._waiting.popleft())
        there = 0
        for line in lines:
            written -= len(line)
            there += written >= 0
        self.lines += there
        if there == len(lines) and not self._waiting:
            self._note_recovery()
        else:
            self._note_fault(None)
            self._count_lost(len(lines) - there)

    def _count_lost(self, count: int) -> None:
        self.lost_lines += count
        self._untold_lines += count
        if count:
            self._losses.inc(count)

    def _note_fault(self, fault: OSError | None) -> None:
        reason = (fault.strerror or type(fault).__name__) if fault else "there is no room for all of a write"
        if self._fault is None:
            logger.error(
                "The prediction log cannot be written (%s): lines are lost and counted until it can be. Predictions go "
                "on. Make room where LOG_PATH is, or give it to the user of the server.",
                reason,
            )
        self._fault = reason

    def _note_recovery(self) -> None:
        if self._fault is not None:
            self._fault = None
            logger.warning("The prediction log is written again; %d lines were lost so far.", self.lost_lines)
