"""What live rows amount to, version by version, for those who look for drift: no row is kept for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from app.monitoring.observation import AnswerObserved

SECONDS_BETWEEN_SKETCHES = 60.0
MOST_ROWS = 2_000
# Of one release after the other that is tried for a moment, none stays in memory.
_MOST_VERSIONS = 8


class Sketcher(Protocol):
    """Sums rows and their answers up."""

    def add(
        self, rows: Sequence[Any], labels: Sequence[Any], probabilities: Sequence[Mapping[str, float]] | None
    ) -> None: ...

    def flush(self) -> dict[str, Any] | None:
        """The sum since the last call; None when there were no rows."""


class NoSketcher:
    """For a release without a profile, and for those who watch no drift."""

    def add(
        self, rows: Sequence[Any], labels: Sequence[Any], probabilities: Sequence[Mapping[str, float]] | None
    ) -> None: ...

    def flush(self) -> None:
        return None


MakeSketcher = Callable[[str], Sketcher]


def make_no_sketcher(version: str) -> Sketcher:  # noqa: ARG001 - as all of them
    return NoSketcher()


class Sketches:
    """A sketcher for each version that answers, flushed each minute and when it holds many rows."""

    def __init__(self, make_sketcher: MakeSketcher, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._make_sketcher = make_sketcher
        self._clock = clock
        self._sketchers: dict[str, Sketcher] = {}
        self._rows: dict[str, int] = {}
        self._flushed_at = clock()

    def add(self, answer: AnswerObserved) -> list[dict[str, Any]]:
        """Count an answer; return the sketches that are full by now."""
        version = answer.version
        ended = [] if version in self._sketchers else self._begin(version)
        self._sketchers[version].add(answer.typed_rows, answer.labels, answer.probabilities)
        self._rows[version] += answer.rows
        if self._rows[version] >= MOST_ROWS:
            ended += self._flush(version)
        return ended

    def flush_due(self) -> list[dict[str, Any]]:
        """The sketches of the last minute, when it is over; nothing otherwise."""
        if self._clock() - self._flushed_at < SECONDS_BETWEEN_SKETCHES:
            return []
        return self.flush()

    def flush(self) -> list[dict[str, Any]]:
        self._flushed_at = self._clock()
        return [sketch for version in self._sketchers for sketch in self._flush(version)]

    def _begin(self, version: str) -> list[dict[str, Any]]:
        ended = []
        if len(self._sketchers) >= _MOST_VERSIONS:
            oldest = next(iter(self._sketchers))
            ended = self._flush(oldest)
            del self._sketchers[oldest], self._rows[oldest]
        self._sketchers[version] = self._make_sketcher(version)
        self._rows[version] = 0
        return ended

    def _flush(self, version: str) -> list[dict[str, Any]]:
        self._rows[version] = 0
        sketch = self._sketchers[version].flush()
        return [] if sketch is None else [sketch]
