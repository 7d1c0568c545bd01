"""Whether somebody watches, for those who only ask: by the watcher's last sign of life in the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from app.monitoring.metrics.reading import RareReading, ReadingFailed
from app.monitoring.snapshots import SnapshotStore, now_in_utc

# It gives a sign every 10 seconds, and a busy machine may take its time.
SILENT_AFTER = timedelta(seconds=60)
# Whoever asks for the health of the service must not wait for the database.
_MOST_WAIT_SECONDS = 0.1


@dataclass(frozen=True)
class Presence:
    """Attributes: last_seen: When the last sign of life was given; None when there was none, or none can be read."""

    status: Literal["watching", "silent", "unknown"]
    last_seen: datetime | None = None


class WatcherPresence:
    """Looks at most every few seconds, and waits for hardly longer than a moment.

    Fallback: while the database does not answer, the presence is unknown.
    """

    def __init__(self, snapshots: SnapshotStore, *, clock: Callable[[], datetime] = now_in_utc) -> None:
        self._last_sign = RareReading(lambda: snapshots.latest("watcher"), most_wait_seconds=_MOST_WAIT_SECONDS)
        self._clock = clock

    def look(self) -> Presence:
        try:
            sign = self._last_sign.get()
        except ReadingFailed:
            return Presence("unknown")
        if sign is None:
            return Presence("silent")
        is_silent = self._clock() - sign.window_end > SILENT_AFTER
        return Presence("silent" if is_silent else "watching", sign.window_end)
