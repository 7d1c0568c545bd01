"""What may be done without anybody asking, and what keeps it from making things worse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from app.errors import Conflict, NotFound, ReleaseUnusable
from app.release.pointer import ActivePointer, HistoryEntry
from app.release.store import ReleaseStore
from app.serving.rollout.activation import Activator, AuditTrail
from app.serving.rollout.candidates import Candidates
from app.serving.rollout.rejections import FeatureRejections

ACTOR = "alert:"
"""How the actor of such an act begins in the audit table and in the history of activations."""

LEAST_BETWEEN_ROLLBACKS = timedelta(hours=1)


class AutomaticRollback:
    """Goes back to the previous version, but not again within the hour, and never to one that was left this way.

    It goes by the history of activations, which every watcher and every machine shares.
    """

    def __init__(
        self,
        store: ReleaseStore,
        activator: Activator,
        *,
        audit: AuditTrail,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._store = store
        self._activator = activator
        self._audit = audit
        self._clock = clock

    def roll_back(self, *, rule: str, version: str | None, reason: str) -> str:
        """Make the previous version active; return in one sentence what was done.

        Args:
            version: The one that does badly; None means the active one, whichever it is.

        Raises:
            ServiceError: when that must not be or cannot be.
        """
        by = f"{ACTOR}{rule}"
        pointer = self._read_pointer()
        fault = self._find_fault(pointer, version)
        if fault:
            before = pointer.version if pointer else None
            self._audit.record(
                actor=by, action="rollback", target="model", before=before, outcome="failed", detail=f"{fault} {reason}"
            )
            raise Conflict(fault, code="rollback_refused")
        activation = self._activator.rollback(by=by, expected=pointer.version if pointer else None)
        return f"version {activation.version} is active again, in place of {activation.previous}."

    def _read_pointer(self) -> ActivePointer | None:
        try:
            return self._store.active()
        except ReleaseUnusable as fault:
            raise Conflict(str(fault), code="nothing_active") from fault

    def _find_fault(self, pointer: ActivePointer | None, version: str | None) -> str:
        if pointer is None or pointer.previous is None:
            return "There is no previous version to go back to."
        if version is not None and version != pointer.version:
            return f"Version {version} is not active any more."
        automatic = [entry for entry in pointer.history if str(entry.get("by")).startswith(ACTOR)]
        if pointer.previous in {entry["previous"] for entry in automatic}:
            return f"Version {pointer.previous} was left by a rule of alerts itself."
        if automatic and self._is_recent(automatic[-1]):
            return "There was such a rollback within the last hour."
        return ""

    def _is_recent(self, entry: HistoryEntry) -> bool:
        at = datetime.fromisoformat(str(entry["activated"]).replace("Z", "+00:00"))
        # A clock that was set back counts as recent: better once too few than once too often.
        return self._clock() - at < LEAST_BETWEEN_ROLLBACKS


def withdraw_candidate(candidates: Candidates, *, rule: str, version: str | None, reason: str) -> str:
    """End the trial of the candidate; return in one sentence what was done.

    Args:
        version: The one that does badly; None means the candidate, whichever it is.

    Raises:
        ServiceError: when there is none, or another one by now.
    """
    record = candidates.require()
    if version is not None and record.candidate.version != version:
        raise NotFound(f"Version {version} is not on trial.", code="no_candidate")
    candidates.withdraw(by=f"{ACTOR}{rule}", reason=reason, trial=record.candidate.trial)
    return f"the trial of version {record.candidate.version} has ended."


def reject_feature(
    rejections: FeatureRejections, *, rule: str, version: str | None, feature: str | None, reason: str
) -> str:
    """Refuse unseen values of a feature; return in one sentence what was done.

    Raises:
        ServiceError: when the figure was of no feature, or that cannot be.
    """
    if feature is None:
        raise Conflict("The figure is not that of a feature.", code="no_feature")
    rejection = rejections.reject(feature, version=version, by=f"{ACTOR}{rule}", reason=reason)
    return (
        f"values of {feature} that training never saw are refused by version {rejection.version} "
        "until somebody runs gluonserve features accept."
    )
