"""From the watcher's file to the database: snapshots wait in the one until the other takes them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from app.errors import Unavailable
from app.monitoring.snapshots import Snapshot, SnapshotKind, SnapshotStore, now_in_utc
from app.monitoring.watcher.file import WatcherFile

KEPT: Mapping[SnapshotKind, timedelta] = {
    "traffic": timedelta(days=2),
    "system": timedelta(days=2),
    "watcher": timedelta(days=7),
    "traffic_hour": timedelta(days=90),
    "drift": timedelta(days=90),
    "quality": timedelta(days=90),
    "estimate": timedelta(days=90),
    "alert": timedelta(days=90),
}
"""How long snapshots of each kind stay in the database after the end of their window."""

_AT_ONCE = 100
_MOST_AT_A_TIME = 2000
_BETWEEN_PRUNINGS = timedelta(hours=1)
# The database answers, and will answer the same to the same document.
_REFUSALS = (DataError, IntegrityError, ProgrammingError)

logger = logging.getLogger(__name__)


class HandingOver:
    """Hands snapshots over, and removes those that are kept no longer.

    Fallback: while the database does not answer, snapshots wait in the file, up to as many as that keeps. One that the
    database refuses for what it holds is dropped.

    Attributes:
        refused: Snapshots that were dropped.
    """

    def __init__(self, store: SnapshotStore, *, clock: Callable[[], datetime] = now_in_utc) -> None:
        self.refused = 0
        self._store = store
        self._clock = clock
        self._pruned_at: datetime | None = None
        self._is_silent = False

    def hand_over(self, file: WatcherFile, sign_of_life: Snapshot) -> None:
        try:
            for _ in range(_MOST_AT_A_TIME // _AT_ONCE):
                if not self._hand_over_some(file):
                    break
            self._store.add(sign_of_life)
            self._prune()
        except Unavailable as fault:
            self._note_silence(fault)
            return
        if self._is_silent:
            self._is_silent = False
            logger.warning("The database takes snapshots again; %d still wait.", file.count_waiting())

    def _hand_over_some(self, file: WatcherFile) -> bool:
        waiting = file.list_waiting(_AT_ONCE)
        if not waiting:
            return False
        try:
            self._store.add(*waiting.values())
        except Unavailable as fault:
            if not isinstance(fault.__cause__, _REFUSALS):
                raise
            self._hand_over_each(waiting)
        with file.transaction():
            file.remove_waiting(tuple(waiting))
        return True

    def _hand_over_each(self, waiting: Mapping[int, Snapshot]) -> None:
        for snapshot in waiting.values():
            try:
                self._store.add(snapshot)
            except Unavailable as fault:
                if not isinstance(fault.__cause__, _REFUSALS):
                    raise
                self.refused += 1
                logger.exception("The database refuses a snapshot of the kind %s, which is dropped", snapshot.kind)

    def _prune(self) -> None:
        now = self._clock()
        if self._pruned_at is not None and abs(now - self._pruned_at) < _BETWEEN_PRUNINGS:
            return
        for kind, kept in KEPT.items():
            self._store.prune(now - kept, kinds=(kind,))
        self._pruned_at = now

    def _note_silence(self, fault: Unavailable) -> None:
        if not self._is_silent:
            self._is_silent = True
            logger.error("The database does not answer: snapshots wait in the watcher's file.", exc_info=fault)
