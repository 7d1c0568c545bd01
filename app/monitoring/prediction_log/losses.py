"""What the prediction log could not write: counted to the line, and told twice for each time that it lasts."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from app.monitoring.prediction_log.record import write_loss

# A full disk often has room for a short line among many that it has none for: that is not its end.
SECONDS_TO_RECOVER = 60.0

logger = logging.getLogger(__name__)


class Losses:
    """Counts lines that are lost. The first loss is logged, and the end of losing when none came for a minute.

    Attributes:
        lines: Lines of requests that were lost.
        sketches: Sketches that were lost.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.lines = self.sketches = 0
        self._clock = clock
        # What no line of the log has told of yet.
        self._untold_lines = self._untold_sketches = 0
        self._lost_at: float | None = None

    def count(self, lines: int, *, sketches: int = 0, reason: str) -> None:
        """Note a failure, which may have taken no line: nothing more can be written for now."""
        self.lines += lines
        self.sketches += sketches
        self._untold_lines += lines
        self._untold_sketches += sketches
        if self._lost_at is None:
            logger.error(
                "The prediction log loses lines (%s): they are counted until it can be written again, and predictions "
                "go on.",
                reason,
            )
        self._lost_at = self._clock()

    def write_line(self) -> bytes:
        """The line that tells of what no line has told of; none when there is nothing."""
        if not (self._untold_lines or self._untold_sketches):
            return b""
        return write_loss(at=self._clock(), lines=self._untold_lines, sketches=self._untold_sketches)

    def note_told(self) -> None:
        """That line is written."""
        self._untold_lines = self._untold_sketches = 0

    def note_nothing_lost(self) -> None:
        """All that was to be written is."""
        if self._lost_at is not None and abs(self._clock() - self._lost_at) >= SECONDS_TO_RECOVER:
            self._lost_at = None
            logger.warning("The prediction log has lost nothing for a minute; it lost %d lines so far.", self.lines)
