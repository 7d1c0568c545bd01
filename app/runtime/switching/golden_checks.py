"""Golden rows predicted while a release is in service: a model that was right when it was loaded may not stay so."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app.runtime.loading import GoldenReplay, LoadedRelease
from app.runtime.switching.active import ActiveRelease

logger = logging.getLogger(__name__)

# A row that was not answered by then will not be: it waits behind a few passes at most.
_LONGEST_SECONDS = 30.0
_MOST_SECONDS_AFTER_FAILURE = 30.0
# Workers that were started together do not look together.
_JITTER = 0.25

Withdraw = Callable[[str, str], None]
GoldenStatus = Literal["pending", "passed", "failed"]


@dataclass(frozen=True)
class GoldenResult:
    """How the last golden row came out in this process.

    Attributes:
        at: Seconds since 1970; None as long as there was none.
        milliseconds: Until its answer; None where none came.
    """

    status: GoldenStatus = "pending"
    at: float | None = None
    milliseconds: float | None = None


def distrust_nothing(release: LoadedRelease) -> None:
    """Nothing of what a release answered is kept anywhere."""


class NoGoldenChecks:
    """Switched off: releases are replayed when they are loaded, and then believed.

    Attributes:
        result: None: there is none, and there will be none.
    """

    checks = failures = 0
    result: GoldenResult | None = None

    def start(self) -> None: ...

    def close(self) -> None: ...


class GoldenChecks:
    """A thread that predicts a golden row now and then, the next one each time, by what predicts requests.

    A release that answers otherwise than at publication, or fails, answers nothing more in this process from then on
    and is loaded anew, which verifies it; should that fail, loading is tried again at each look. A candidate that
    answers some callers is asked, too; when it is wrong it is withdrawn.

    Args:
        interval_seconds: From one row to the next, more or less.
        withdraw: Ends the trial of a candidate by its version, for a reason.
        distrust: Told of a release that is wrong: what it answered before may have been wrong as well.

    Attributes:
        checks: Golden rows that were predicted.
        failures: Those that came out wrong, or not at all.
    """

    def __init__(
        self,
        active: ActiveRelease,
        *,
        interval_seconds: float,
        withdraw: Withdraw,
        distrust: Callable[[LoadedRelease], None] = distrust_nothing,
        clock: Callable[[], float] = time.time,
        passing: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args: clock, passing: One that may jump, for dates, and one that does not, for spans."""
        self.checks = self.failures = 0
        self._active = active
        self._interval_seconds = interval_seconds
        self._withdraw = withdraw
        self._distrust = distrust
        self._clock = clock
        self._passing = passing
        self._turn = 0
        self._last = GoldenResult()
        # When a row was asked, by both clocks.
        self._begun: tuple[float, float] | None = None
        self._failed_version: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="golden-rows", daemon=True)

    @property
    def result(self) -> GoldenResult | None:
        """The last one; failed also while one is waited for that takes too long."""
        begun = self._begun
        if begun is not None and self._passing() - begun[1] > _LONGEST_SECONDS:
            return GoldenResult("failed", begun[0] + _LONGEST_SECONDS)
        return self._last

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1)

    def look(self) -> None:
        """Predict the next golden row with the release that answers now, and with the candidate if it answers, too."""
        release, candidate = self._active.current, self._active.slots.find("candidate")
        if release is not None:
            self._check(release)
        elif self._failed_version is not None:
            self._active.ask_for(self._failed_version)
        if candidate is not None:
            self._check_candidate(candidate)
        self._turn += 1

    def _check(self, release: LoadedRelease) -> None:
        if release.golden is None:
            return
        started, self._begun = time.perf_counter(), (self._clock(), self._passing())
        fault = self._find_fault(release, release.golden)
        milliseconds = (time.perf_counter() - started) * 1000
        self._last, self._begun = GoldenResult("failed" if fault else "passed", self._clock(), milliseconds), None
        self._failed_version = release.manifest.version if fault else None
        if fault:
            logger.error("Version %s: %s. It is taken out of service and loaded anew.", release.manifest.version, fault)
            # First: what is loaded anew may be trusted again.
            self._distrust(release)
            self._active.take_out(release)

    def _check_candidate(self, candidate: LoadedRelease) -> None:
        fault = candidate.golden and self._find_fault(candidate, candidate.golden)
        if fault:
            reason = f"Version {candidate.manifest.version}: {fault}."
            logger.error("%s It is withdrawn.", reason)
            self._withdraw(candidate.manifest.version, reason)
            self._distrust(candidate)

    def _find_fault(self, release: LoadedRelease, golden: GoldenReplay) -> str | None:
        fault = golden.find_fault(release.executor, self._turn % len(golden.rows))
        self.checks += 1
        self.failures += fault is not None
        return fault

    def _run(self) -> None:
        spread = random.Random()  # noqa: S311 - spread, not secrecy; of its own, as others may have seeded the common one
        wait = spread.uniform(0, self._interval_seconds)
        while not self._stop.wait(wait):
            try:
                self.look()
            except Exception:
                # This thread has to outlive whatever goes wrong once.
                logger.exception("A golden row could not be looked at; the next look is due in a moment.")
            usual = self._interval_seconds * spread.uniform(1 - _JITTER, 1 + _JITTER)
            wait = min(usual, _MOST_SECONDS_AFTER_FAILURE) if self._last.status == "failed" else usual
