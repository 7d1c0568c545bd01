"""What a worker does for a candidate beside answering: loads it, keeps its shadow, writes counts, carries rules out."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time

from app.errors import NotFound, ReleaseUnusable
from app.release.candidate import CANDIDATE, CandidatePointer, read_candidate
from app.release.pointer import Stamp, read_stamp
from app.release.store import ReleaseStore
from app.runtime.loading import DEFAULT_RULES, Execution
from app.runtime.rows import RowRules
from app.runtime.switching.slots import ReleaseSlots
from app.serving.prediction import PredictionService
from app.serving.rollout.candidates import Candidates
from app.serving.rollout.comparison.ledger import Ledger
from app.serving.rollout.judging import Judge
from app.serving.rollout.shadowing.keeper import ShadowKeeper
from app.serving.rollout.shadowing.task import ShadowTask
from app.serving.rollout.trials.canary import CanaryTrial
from app.serving.rollout.trials.shadow import CopySender, ShadowTrial
from app.serving.rollout.trials.trial import NoTrial

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_LOOKS = 0.1
_SECONDS_BETWEEN_DUTIES = 1.0


class TrialFollower:
    """A thread that looks ten times a second which version is on trial, and does its duties once a second.

    A candidate that this worker cannot load is withdrawn for all, with the reason.
    """

    def __init__(
        self,
        slots: ReleaseSlots,
        prediction: PredictionService,
        candidates: Candidates,
        *,
        judge: Judge,
        prefer: Execution = "plan",
        row_rules: RowRules = DEFAULT_RULES,
    ) -> None:
        self._slots = slots
        self._store: ReleaseStore = slots.store
        self._prediction = prediction
        self._candidates = candidates
        self._judge = judge
        self._keeper = ShadowKeeper(self._store.path)
        self._prefer: Execution = prefer
        self._row_rules = row_rules
        self._candidate_path = os.fspath(self._store.path / CANDIDATE)
        self._stamp: Stamp | None = None
        self._candidate: CandidatePointer | None = None
        self._ledger: Ledger | None = None
        self._sender: CopySender | None = None
        self._next_duties = 0.0
        self._is_silenced = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follow-candidate", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def withdraw(self, version: str, reason: str) -> None:
        """Withdraw the candidate for all, if it is this version."""
        candidate = self._candidate
        if candidate is not None and candidate.version == version:
            self._withdraw(candidate, reason)

    def _run(self) -> None:
        while not self._stop.wait(_SECONDS_BETWEEN_LOOKS):
            try:
                self._look()
            except Exception:
                # This thread has to outlive whatever goes wrong once.
                logger.exception("Following the candidate failed; the next look is due in a moment.")
        # Here, because the shadow process ends with the thread that started it.
        self._end_trial()
        self._keeper.close()
        self._judge.close()
        if self._sender is not None:
            self._sender.close()

    def _look(self) -> None:
        stamp = read_stamp(self._candidate_path)
        if stamp != self._stamp:
            self._end_trial()
            self._stamp = stamp
            candidate = self._read_candidate()
            if candidate is not None and stamp is not None:
                self._begin_trial(candidate, stamp)
        if time.monotonic() >= self._next_duties:
            self._next_duties = time.monotonic() + _SECONDS_BETWEEN_DUTIES
            self._do_duties()

    def _read_candidate(self) -> CandidatePointer | None:
        try:
            return read_candidate(self._store.path)
        except ReleaseUnusable as fault:
            logger.error("There is no trial. %s", fault)
            return None

    def _begin_trial(self, candidate: CandidatePointer, stamp: Stamp) -> None:
        self._candidate = candidate
        self._ledger = Ledger(self._store.path, candidate.trial)
        try:
            if candidate.mode == "canary":
                self._begin_canary(candidate, self._ledger, stamp)
            else:
                self._begin_shadow(candidate, self._ledger)
        except ReleaseUnusable as fault:
            self._withdraw(candidate, str(fault))
        except Exception as fault:
            logger.exception("Candidate %s could not be tried.", candidate.version)
            self._withdraw(candidate, f"Version {candidate.version} could not be tried ({type(fault).__name__}).")

    def _begin_canary(self, candidate: CandidatePointer, ledger: Ledger, stamp: Stamp) -> None:
        release = self._slots.hold(candidate.version, "candidate")
        self._prediction.trial = CanaryTrial(candidate, release, ledger, stamp_path=self._candidate_path, stamp=stamp)
        logger.info("Version %s answers a share of %g of the callers.", candidate.version, candidate.share)

    def _begin_shadow(self, candidate: CandidatePointer, ledger: Ledger) -> None:
        if self._sender is None:
            self._sender = CopySender(self._store.path)
        self._prediction.trial = ShadowTrial(self._sender, ledger, share=candidate.share)
        logger.info("Version %s sees a share of %g of the requests.", candidate.version, candidate.share)

    def _end_trial(self) -> None:
        if self._candidate is None:
            return
        self._prediction.trial = NoTrial()
        self._slots.assign({"candidate": None})
        logger.info("Version %s is not on trial any more.", self._candidate.version)
        self._candidate = self._ledger = None

    def _do_duties(self) -> None:
        """Fallback: where the store cannot be written, nothing is counted and there is no shadow; logged once."""
        try:
            if self._ledger is not None:
                self._ledger.write()
            self._keep_shadow()
            if self._candidate is not None:
                self._judge.carry_out_rules(self._candidate)
        except OSError as fault:
            if not self._is_silenced:
                logger.error("What the candidate does cannot be counted: %s.", fault.strerror)
            self._is_silenced = True
        else:
            self._is_silenced = False

    def _keep_shadow(self) -> None:
        candidate = self._candidate
        if candidate is None or candidate.mode != "shadow":
            self._keeper.watch(None)
            return
        task = ShadowTask(
            store=self._store.path.absolute(),
            version=candidate.version,
            trial=candidate.trial,
            trust=self._store.trust,
            prefer=self._prefer,
            rules=self._row_rules,
            keeper=os.getpid(),
        )
        reason = self._keeper.watch(task)
        if reason:
            self._withdraw(candidate, reason)

    def _withdraw(self, candidate: CandidatePointer, reason: str) -> None:
        try:
            self._candidates.withdraw(
                by=f"worker:{socket.gethostname()}:{os.getpid()}", reason=reason, trial=candidate.trial
            )
        except NotFound:
            # Another worker was first.
            logger.info("Version %s was withdrawn already.", candidate.version)
