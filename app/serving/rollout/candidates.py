"""A candidate from its beginning to its end: tried beside the active version, compared, promoted or withdrawn."""

from __future__ import annotations

import fcntl
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from app.errors import BadRequest, Conflict, NotFound, ReleaseRefused, ReleaseUnusable, ServiceError
from app.release.candidate import CandidatePointer, TrialMode, read_candidate, remove_candidate, write_candidate
from app.release.pointer import ActivePointer
from app.release.store import ReleaseStore
from app.runtime.loading import DEFAULT_RULES, Execution
from app.runtime.rows import RowRules
from app.runtime.trial import try_release
from app.serving.identifiers import make_identifier
from app.serving.rollout.activation import Activation, Activator, AuditTrail, OnStep
from app.serving.rollout.comparison.figures import Comparison, compare
from app.serving.rollout.comparison.ledger import ROLLOUT_DIRECTORY, read_counts, remove_other_counts
from app.serving.rollout.rules import RolloutRules, Verdict, count_hours, judge
from app.serving.rollout.trials.trial import BY_KEY

logger = logging.getLogger(__name__)

_TRIAL_SECONDS = 600
_HEADER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}", re.ASCII)
_ASKED_FOR = "asked for"


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """How a trial stands.

    Attributes:
        active: The version that the candidate is compared with.
        verdict: What the rules ask for.
        rules_act: Whether the rules are carried out.
    """

    candidate: CandidatePointer
    active: str
    hours: float
    comparison: Comparison
    verdict: Verdict
    rules_act: bool


class Candidates:
    """The candidate of one store: at most one at a time, whoever asks in whatever process."""

    def __init__(
        self,
        store: ReleaseStore,
        *,
        activator: Activator,
        audit: AuditTrail,
        rules: RolloutRules,
        prefer: Execution = "plan",
        row_rules: RowRules = DEFAULT_RULES,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._store = store
        self._activator = activator
        self._audit = audit
        self._rules = rules
        self._prefer: Execution = prefer
        self._row_rules = row_rules
        self._clock = clock

    def begin_canary(
        self, version: str, *, share: float, routed_by: str, by: str, on_step: OnStep = lambda _: None
    ) -> CandidatePointer:
        """Have a version answer a share of the callers, once workers have loaded it.

        Args:
            routed_by: `key`, or the name of the header that tells callers apart.

        Raises:
            BadRequest, NotFound, ReleaseRefused, Conflict: when it cannot be; nothing has changed then.
        """
        if not _HEADER_NAME.fullmatch(routed_by):
            raise BadRequest("Callers are told apart by 'key' or by the name of a header.", code="invalid_routing")
        return self._begin(version, "canary", share, routed_by, by, on_step)

    def begin_shadow(
        self, version: str, *, share: float, by: str, on_step: OnStep = lambda _: None
    ) -> CandidatePointer:
        """Have a version see a copy of a share of the requests.

        Raises:
            BadRequest, NotFound, ReleaseRefused, Conflict: when it cannot be; nothing has changed then.
        """
        return self._begin(version, "shadow", share, BY_KEY, by, on_step)

    def withdraw(self, *, by: str, reason: str = _ASKED_FOR, trial: str | None = None) -> CandidatePointer | None:
        """End the trial; from the next request on only the active version answers.

        Args:
            trial: End this one only; None ends whichever there is.

        Returns:
            What was on trial; None when the file that names it could not be read.

        Raises:
            NotFound: when there is no candidate, or another one by now.
        """
        with self._lock():
            try:
                candidate = read_candidate(self._store.path)
            except ReleaseUnusable:
                candidate = None
            else:
                candidate = _require_trial(candidate, trial)
            detail = self._describe_end(candidate, reason)
            remove_candidate(self._store.path)
        version = candidate.version if candidate else None
        logger.warning("Candidate %s withdrawn by %s: %s", version, by, detail)
        self._record("withdraw", by=by, before=version, after=None, detail=detail)
        return candidate

    def promote(
        self, *, by: str, reason: str = _ASKED_FOR, trial: str | None = None, on_step: OnStep = lambda _: None
    ) -> Activation:
        """Activate the candidate, which ends its trial.

        Raises:
            NotFound: when there is no candidate.
            ReleaseRefused, Conflict: when it cannot be activated; the trial then goes on.
        """
        candidate = _require_trial(self._read(), trial)
        detail = self._describe_end(candidate, reason)
        activation = self._activator.activate(candidate.version, by=by, on_step=on_step)
        with self._lock():
            now = self._read()
            if now is not None and now.trial == candidate.trial:
                remove_candidate(self._store.path)
        logger.warning("Candidate %s promoted by %s: %s", candidate.version, by, detail)
        self._record("promote", by=by, before=activation.previous, after=candidate.version, detail=detail)
        return activation

    def find(self) -> TrialRecord | None:
        """How the trial stands; None when there is no candidate.

        Raises:
            Conflict: when candidate or active version cannot be told.
        """
        candidate, active = self._read(), self._read_active()
        if candidate is None or active is None:
            return None
        counts = read_counts(self._store.path, candidate.trial, base=active.version)
        comparison = compare(counts, mode=candidate.mode)
        hours = count_hours(candidate, self._clock())
        verdict = judge(self._rules.modes[candidate.mode], comparison, hours=hours)
        return TrialRecord(
            candidate=candidate,
            active=active.version,
            hours=hours,
            comparison=comparison,
            verdict=verdict,
            rules_act=self._rules.act,
        )

    def require(self) -> TrialRecord:
        """How the trial stands.

        Raises:
            NotFound: when there is no candidate.
        """
        record = self.find()
        if record is None:
            raise _no_candidate()
        return record

    def _begin(
        self, version: str, mode: TrialMode, share: float, routed_by: str, by: str, on_step: OnStep
    ) -> CandidatePointer:
        if not 0 < share <= 1:
            raise BadRequest("The share has to be above 0 and at most 1.", code="invalid_share")
        self._require_free_for(version)
        try:
            self._try(version, on_step)
        except ReleaseRefused as refused:
            self._record(mode, by=by, before=None, after=version, outcome="failed", detail=refused.detail)
            raise
        with self._lock():
            # Again: the trial took its time.
            self._require_free_for(version)
            candidate = CandidatePointer(
                version=version,
                mode=mode,
                share=share,
                by=routed_by,
                since=self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                who=by,
                trial=make_identifier()[:12],
            )
            remove_other_counts(self._store.path, candidate.trial)
            write_candidate(self._store.path, candidate)
        logger.info("Version %s is a %s for a share of %g, by %s.", version, mode, share, by)
        self._record(mode, by=by, before=None, after=version, detail=f"share {share:g}, by {routed_by}")
        return candidate

    def _require_free_for(self, version: str) -> None:
        """Raises NotFound or Conflict when this version cannot become the candidate now."""
        try:
            self._store.directory(version)
        except ReleaseUnusable:
            raise NotFound(f"There is no version {version[:20]!r}.", code="version_not_found") from None
        active, other = self._read_active(), self._read()
        if active is None:
            raise Conflict("No version is active that a candidate could be compared with.", code="nothing_active")
        if active.version == version:
            raise Conflict(f"Version {version} is the active one already.", code="already_active")
        if other is not None and other.version != version:
            raise Conflict(
                f"Version {other.version} is on trial; promote it or withdraw it first.", code="candidate_on_trial"
            )

    def _try(self, version: str, on_step: OnStep) -> None:
        on_step(f"Trying version {version} in a process of its own")
        try:
            try_release(
                self._store.directory(version),
                trust=self._store.trust,
                prefer=self._prefer,
                rules=self._row_rules,
                seconds=_TRIAL_SECONDS,
            )
        except ReleaseUnusable as fault:
            logger.warning("%s", fault)
            raise ReleaseRefused(fault.sentence) from fault

    def _describe_end(self, candidate: CandidatePointer | None, reason: str) -> str:
        """The reason with the figures of that moment, for the audit table: the counts may be gone when it is read."""
        try:
            record = self.find() if candidate else None
        except ServiceError:
            record = None
        if record is None:
            return reason
        figures = ", ".join(f"{name} {figure.value:.4g}" for name, figure in record.comparison.figures.items())
        group = record.comparison.candidate
        return f"{reason}; {group.requests} requests, {group.errors} errors{', ' if figures else ''}{figures}"

    def _record(
        self,
        action: str,
        *,
        by: str,
        before: str | None,
        after: str | None,
        detail: str,
        outcome: Literal["done", "failed"] = "done",
    ) -> None:
        self._audit.record(
            actor=by, action=action, target="candidate", before=before, after=after, outcome=outcome, detail=detail
        )

    def _read(self) -> CandidatePointer | None:
        try:
            return read_candidate(self._store.path)
        except ReleaseUnusable as fault:
            raise Conflict(str(fault), code="candidate_unreadable") from fault

    def _read_active(self) -> ActivePointer | None:
        try:
            return self._store.active()
        except ReleaseUnusable as fault:
            raise Conflict(str(fault), code="nothing_active") from fault

    @contextmanager
    def _lock(self) -> Iterator[None]:
        if not self._store.path.is_dir():
            raise _no_candidate()
        directory = self._store.path / ROLLOUT_DIRECTORY
        directory.mkdir(mode=0o700, exist_ok=True)
        with (directory / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _require_trial(candidate: CandidatePointer | None, trial: str | None) -> CandidatePointer:
    if candidate is None or trial not in (None, candidate.trial):
        raise _no_candidate()
    return candidate


def _no_candidate() -> NotFound:
    return NotFound("There is no candidate on trial.", code="no_candidate")
