"""From the threads of requests to the thread that does all the work on what they tell: a queue with a bound."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence

from app.monitoring.observation import Consumer, RequestObserved

MOST_WAITING = 20_000
# A disk that stalls must not fill the memory with large requests: a row takes about 2 KB.
MOST_ROWS_WAITING = 100_000
SECONDS_BETWEEN_ROUNDS = 0.1
_SECONDS_TO_END = 2.0

logger = logging.getLogger(__name__)


class ObservationQueue:
    """Costs a request one append; everything else happens in one thread, in batches.

    What a killed process loses is what it has not consumed yet: the requests of its last tenth of a second.

    Fallback: what comes while too many events wait, or too many rows in them, is lost, and counted. A consumer that
    fails loses that batch, is logged once for each kind of failure, and takes nothing from the others.

    Attributes:
        failures: Batches that a consumer failed on.
    """

    def __init__(
        self,
        consumers: Sequence[Consumer],
        *,
        most_waiting: int = MOST_WAITING,
        most_rows_waiting: int = MOST_ROWS_WAITING,
        seconds_between_rounds: float = SECONDS_BETWEEN_ROUNDS,
    ) -> None:
        self.failures = 0
        self._consumers = consumers
        self._most_waiting = most_waiting
        self._most_rows_waiting = most_rows_waiting
        self._seconds_between_rounds = seconds_between_rounds
        self._events: deque[RequestObserved] = deque()
        self._rows = 0
        self._lost = 0
        self._lock = threading.Lock()
        self._round = threading.Lock()
        self._logged: set[tuple[int, type[Exception]]] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def observe(self, event: RequestObserved) -> None:
        if len(self._events) < self._most_waiting and self._rows < self._most_rows_waiting:
            self._events.append(event)
            # Threads that count at the same moment may lose a few: it is a bound, and every round counts anew.
            self._rows += 0 if event.answer is None else event.answer.rows
        else:
            with self._lock:
                self._lost += 1

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="observing", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Have everything consumed that was observed until now, and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_SECONDS_TO_END)
        self.drain()
        for consumer in self._consumers:
            consumer.close()

    def drain(self) -> None:
        """Have the consumers work on what waits now."""
        with self._round:
            events = [self._events.popleft() for _ in range(len(self._events))]
            self._rows = 0
            with self._lock:
                lost, self._lost = self._lost, 0
            for consumer in self._consumers:
                try:
                    consumer.consume(events, lost=lost)
                except Exception as fault:
                    self._note_failure(consumer, fault)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds_between_rounds):
            self.drain()

    def _note_failure(self, consumer: Consumer, fault: Exception) -> None:
        self.failures += 1
        kind = (id(consumer), type(fault))
        if kind not in self._logged:
            self._logged.add(kind)
            logger.error(
                "%s failed on what was observed; more failures of this kind are counted only",
                type(consumer).__name__,
                exc_info=fault,
            )
