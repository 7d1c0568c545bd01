"""The watcher: works as long as it is the one of its installation, and stands by otherwise."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.errors import Conflict, Unavailable
from app.monitoring.watcher.file import FileUnusable, Replaced
from app.monitoring.watcher.handing_over import HandingOver
from app.monitoring.watcher.lease import Lease
from app.monitoring.watcher.watch import Watch

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often what happens, in seconds.

    Attributes:
        most_patience: How long figures wait for the log to be read to its end. Before that they tell less than there
            was; after it, that the watcher lags is what people have to hear of.
    """

    between_looks: float = 1.0
    between_rounds: float = 10.0
    between_renewals: float = 5.0
    most_patience: float = 120.0


class Watcher:
    """One of an installation works, by a lease in the database.

    Args:
        open_watch: Opens the watcher's file and claims it; called whenever the lease has been taken.
    """

    def __init__(
        self,
        lease: Lease,
        open_watch: Callable[[], Watch],
        handing_over: HandingOver,
        *,
        pace: Pace | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lease = lease
        self._open_watch = open_watch
        self._handing_over = handing_over
        self._pace = pace or Pace()
        self._monotonic = monotonic
        self._watch: Watch | None = None
        self._renewal_due = self._round_due = self._caught_up_at = 0.0
        self._told: str | None = None

    def run(self, stop: threading.Event) -> None:
        """Watch until told to stop.

        Raises:
            FileUnusable: when its file cannot be opened.
        """
        try:
            while not stop.is_set():
                stop.wait(self._step())
        finally:
            self._leave()

    def run_once(self) -> int:
        """Read the log to its end, judge, hand over; return how many records there were.

        Raises:
            Conflict: when another process watches.
            Unavailable: when the database does not answer.
            FileUnusable: when its file cannot be opened.
        """
        try:
            if not self._lease.hold():
                raise Conflict("Another process watches this installation at the moment.")
            watch = self._watch = self._open_watch()
            while watch.take_batch():
                self._renew_when_due()
            watch.finish_round()
            watch.settle(send_all=True)
            self._handing_over.hand_over(watch.file, watch.describe())
            return watch.records
        finally:
            self._leave()

    def _step(self) -> float:
        """Do what is due; return for how long to wait then."""
        self._renew_when_due()
        if not self._lease.is_held:
            self._close()
            return self._pace.between_renewals
        try:
            return self._work(self._watch or self._begin())
        except Replaced:
            self._tell("Another process has taken over the watcher's file; this one stands by.")
            self._close()
            return self._pace.between_renewals

    def _work(self, watch: Watch) -> float:
        begun = self._monotonic()
        has_more = watch.take_batch()
        if not has_more:
            self._caught_up_at = self._monotonic()
        if self._monotonic() >= self._round_due:
            self._round_due = self._monotonic() + self._pace.between_rounds
            if not has_more or self._monotonic() - self._caught_up_at > self._pace.most_patience:
                watch.finish_round()
            self._hand_over(watch)
        # Whoever catches up rests as long as it works: the workers need the processor more.
        return self._monotonic() - begun if has_more else self._pace.between_looks

    def _hand_over(self, watch: Watch) -> None:
        try:
            self._handing_over.hand_over(watch.file, watch.describe())
        except FileUnusable:
            logger.debug("What was handed over could not be forgotten, and will be again.", exc_info=True)

    def _begin(self) -> Watch:
        watch = self._watch = self._open_watch()
        self._caught_up_at, self._round_due = self._monotonic(), 0.0
        self._tell("This process watches the installation.")
        return watch

    def _renew_when_due(self) -> None:
        if self._monotonic() < self._renewal_due:
            return
        try:
            if not self._lease.hold():
                self._tell("Another process watches the installation; this one takes over when it ends.")
        except Unavailable as fault:
            self._tell(f"{fault.detail} This process waits until it can.")
        self._renewal_due = self._monotonic() + self._pace.between_renewals

    def _tell(self, sentence: str) -> None:
        """Log what this process does now, if it is something else than before."""
        if sentence != self._told:
            self._told = sentence
            logger.info("%s", sentence)

    def _leave(self) -> None:
        self._close()
        if self._lease.is_held:
            self._lease.release()

    def _close(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None
