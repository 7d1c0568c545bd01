"""When each key was last used: noted by requests in memory, written to the database by a thread beside them."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from queue import Full, Queue
from typing import Protocol

from app.errors import KeysUnavailable
from app.security.deadline import BoundedCalls, NoAnswerInTime
from app.security.keys.store import BETWEEN_USES_KEPT, KeyStore

MOST_WAITING = 1000
_WRITE_SECONDS = 2.0
_CLOSE_SECONDS = 3.0

logger = logging.getLogger(__name__)


class UseRecorder(Protocol):
    """Is told of every use of a key, on the path of the request."""

    def note(self, key_id: str) -> None: ...


class NoUses:
    """Keeps no uses."""

    def note(self, key_id: str) -> None:
        pass


class LastUses:
    """Keeps the first use of a key in each minute.

    Fallback: what the database does not take within two seconds, or while it lags a thousand uses behind, is dropped
    and counted in `lost`: the time of a last use is never worth a request.
    """

    def __init__(self, store: KeyStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._next_at: dict[str, float] = {}
        self._waiting: Queue[tuple[str, datetime] | None] = Queue(MOST_WAITING)
        self._writes = BoundedCalls(1)
        self._writer: threading.Thread | None = None
        self.lost = 0

    def note(self, key_id: str) -> None:
        # Two threads may both find a use due; the database then keeps the first of them.
        now = self._clock()
        if now >= self._next_at.get(key_id, 0.0):
            self._next_at[key_id] = now + BETWEEN_USES_KEPT.total_seconds()
            self._hand_over(key_id)

    @property
    def is_running(self) -> bool:
        return self._writer is not None and self._writer.is_alive()

    def start(self) -> None:
        self._writer = threading.Thread(target=self._write_all, name="last-uses", daemon=True)
        self._writer.start()

    def close(self) -> None:
        """Write what is waiting, and end."""
        if self._writer is None:
            return
        with contextlib.suppress(Full):
            self._waiting.put(None, timeout=_CLOSE_SECONDS)
        self._writer.join(_CLOSE_SECONDS)

    def _hand_over(self, key_id: str) -> None:
        try:
            self._waiting.put_nowait((key_id, self._store.now()))
        except Full:
            self.lost += 1

    def _write_all(self) -> None:
        while (use := self._waiting.get()) is not None:
            self._write(*use)

    def _write(self, key_id: str, at: datetime) -> None:
        try:
            self._writes.run(lambda: self._store.record_use(key_id, at), seconds=_WRITE_SECONDS)
        except (KeysUnavailable, NoAnswerInTime) as fault:
            self.lost += 1
            logger.debug("The last use of key %s is not kept: %s", key_id, fault)
