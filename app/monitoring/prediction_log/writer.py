"""The prediction log as a consumer of what is observed: a line for each request to a route that predicts."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Collection, Sequence

from app.monitoring.observation import RequestObserved
from app.monitoring.prediction_log.files import LogFiles
from app.monitoring.prediction_log.losses import Losses
from app.monitoring.prediction_log.record import LineWriter, write_sketch
from app.monitoring.prediction_log.sketches import Sketches

PREDICTION_ROUTES = frozenset(
    {"/predict", "/invocations", "/v2/models/<name>/infer", "/v2/models/<name>/versions/<version>/infer"}
)
# An hour of them: a full disk takes lines away, but hardly a sketch.
_MOST_SKETCHES_WAITING = 64
_NO_ROOM = "there is no room"

logger = logging.getLogger(__name__)


class PredictionLog:
    """Writes what it is told in one go each round. It is never waited for, and fails nobody.

    Fallback: lines that cannot be written (the disk is full, the directory is gone or not ours) are lost and counted,
    and the next line that can be written says how many are missing. Sketches wait until there is room, up to an hour
    of them. A request that cannot be told in JSON loses its own line only; the first of each kind is logged.

    Attributes:
        lines: Lines of requests that were written.
    """

    def __init__(
        self,
        files: LogFiles,
        line_writer: LineWriter,
        sketches: Sketches,
        *,
        losses: Losses | None = None,
        routes: Collection[str] = PREDICTION_ROUTES,
    ) -> None:
        self.lines = 0
        self._files = files
        self._line_writer = line_writer
        self._sketches = sketches
        self._losses = losses or Losses()
        self._routes = routes
        self._waiting: deque[bytes] = deque()
        self._logged: set[type[Exception]] = set()

    @property
    def lost_lines(self) -> int:
        """Lines of requests that were not written, those included that nobody told it of because too many came."""
        return self._losses.lines

    def consume(self, events: Sequence[RequestObserved], *, lost: int) -> None:
        if lost:
            self._losses.count(lost, reason="too many requests ended at once")
        predictions = [event for event in events if event.route in self._routes]
        self._write([line for event in predictions if (line := self._describe(event))])
        self._files.tend()
        # At the end, and written with the next lines: whoever sums rows up may fail, and no line is lost by it.
        self._wait(self._sketches.flush_due())
        for event in predictions:
            if event.answer is not None:
                self._wait(self._sketches.add(event.answer))

    def close(self) -> None:
        self._wait(self._sketches.flush())
        self._write([])
        self._files.close()

    def _describe(self, event: RequestObserved) -> bytes:
        try:
            return self._line_writer.write(event)
        except Exception as fault:
            if type(fault) not in self._logged:
                self._logged.add(type(fault))
                logger.error("A request cannot be written to the prediction log", exc_info=fault)
            self._losses.count(1, reason="a request cannot be written")
            return b""

    def _wait(self, sketches: Sequence[dict[str, object]]) -> None:
        for sketch in sketches:
            self._waiting.append(write_sketch(sketch))
            if len(self._waiting) > _MOST_SKETCHES_WAITING:
                self._waiting.popleft()
                self._losses.count(0, sketches=1, reason=_NO_ROOM)

    def _write(self, lines: Sequence[bytes]) -> None:
        loss = self._losses.write_line()
        pieces = b"".join((loss, *self._waiting, *lines))
        if not pieces:
            self._losses.note_nothing_lost()
            return
        try:
            written = self._files.append(pieces)
        except OSError as fault:
            self._losses.count(len(lines), reason=fault.strerror or type(fault).__name__)
            return
        if loss and written >= len(loss):
            self._losses.note_told()
        self._settle(lines, written - len(loss))

    def _settle(self, lines: Sequence[bytes], written: int) -> None:
        """Find out what of a write is there: so many bytes, up to the end of a line, but perhaps not all lines."""
        while self._waiting and written >= len(self._waiting[0]):
            written -= len(self._waiting.popleft())
        there = 0
        for line in lines:
            written -= len(line)
            there += written >= 0
        self.lines += there
        if written < 0 or self._waiting:
            self._losses.count(len(lines) - there, reason=_NO_ROOM)
        else:
            self._losses.note_nothing_lost()
