"""Carries the declared rules out: the candidate is withdrawn or promoted without anybody asking."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Protocol

from app.errors import NotFound, ServiceError
from app.release.candidate import CandidatePointer
from app.serving.rollout.candidates import Candidates
from app.serving.rollout.comparison.ledger import ROLLOUT_DIRECTORY
from app.serving.rollout.election import Election

logger = logging.getLogger(__name__)

_SECONDS_AFTER_A_REFUSAL = 60.0
_BY_RULES = "rules"


class Judge(Protocol):
    def carry_out_rules(self, candidate: CandidatePointer) -> None: ...

    def close(self) -> None: ...


class NoJudge:
    """The rules only show."""

    def carry_out_rules(self, candidate: CandidatePointer) -> None:
        """Leave the candidate to whoever reads the comparison."""

    def close(self) -> None:
        return None


class RuleJudge:
    """In one of all workers of a store."""

    def __init__(self, candidates: Candidates, store: Path) -> None:
        self._candidates = candidates
        self._election = Election(store / ROLLOUT_DIRECTORY / "judge.lock")
        self._next_try = 0.0

    def carry_out_rules(self, candidate: CandidatePointer) -> None:
        """Promote or withdraw the candidate where the rules ask for it.

        Fallback: what is refused, as a promotion during another activation, is tried again after a minute; logged.

        Raises:
            OSError: when the store cannot be written.
        """
        if time.monotonic() < self._next_try or not self._election.is_won():
            return
        try:
            self._judge(candidate)
        except NotFound:
            logger.info("Version %s is not on trial any more.", candidate.version)
        except ServiceError as fault:
            self._next_try = time.monotonic() + _SECONDS_AFTER_A_REFUSAL
            logger.error("The rules could not be carried out: %s", fault.detail)

    def close(self) -> None:
        self._election.resign()

    def _judge(self, candidate: CandidatePointer) -> None:
        record = self._candidates.find()
        if record is None or record.candidate.trial != candidate.trial:
            return
        reason = record.verdict.reason
        if record.verdict.decision == "withdraw":
            self._candidates.withdraw(by=_BY_RULES, reason=reason, trial=candidate.trial)
        elif record.verdict.decision == "promote":
            self._candidates.promote(by=_BY_RULES, reason=reason, trial=candidate.trial)
