"""Take no unseen values of a feature for a while: an operator or a rule of alerts asks for it, an operator ends it."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Literal

from app.errors import Conflict, NotFound, ReleaseUnusable
from app.release.store import ReleaseStore
from app.release.verification import read_schema
from app.runtime.switching.rejections import Rejection, read_rejections, write_rejections
from app.serving.rollout.activation import AuditTrail
from app.serving.rollout.comparison.ledger import ROLLOUT_DIRECTORY

logger = logging.getLogger(__name__)

_MOST_REASON_CHARACTERS = 500


class FeatureRejections:
    """The features of one store whose unseen values are refused, whatever GLUONSERVE_UNSEEN_VALUES says.

    Each belongs to a version: another one, trained on newer data, takes what it knows. All workers follow within a
    tenth of a second.
    """

    def __init__(
        self,
        store: ReleaseStore,
        *,
        audit: AuditTrail,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock

    def list(self) -> Sequence[Rejection]:
        """All that hold.

        Raises:
            Conflict: when the file cannot be read.
        """
        try:
            return read_rejections(self._store.path)
        except ReleaseUnusable as fault:
            raise Conflict(str(fault), code="rejections_unreadable") from fault

    def reject(self, feature: str, *, version: str | None = None, by: str, reason: str = "asked for") -> Rejection:
        """Refuse unseen values of a feature of a version, of the active one when none is named.

        Raises:
            NotFound: when there is no such version, or it has no such feature.
            Conflict: when nothing is active, or the file cannot be read or written.
        """
        version = version or self._require_active()
        self._require_feature(version, feature)
        since = self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        rejection = Rejection(
            version=version, feature=feature, since=since, by=by, reason=reason[:_MOST_REASON_CHARACTERS]
        )
        with self._lock():
            others = [one for one in self.list() if (one.version, one.feature) != (version, feature)]
            self._write([*others, rejection])
        self._record("reject_feature", by, rejection, reason)
        return rejection

    def accept(self, feature: str, *, by: str) -> Sequence[Rejection]:
        """End what holds for a feature, whatever the version; return that.

        Raises:
            NotFound: when nothing holds for it.
            Conflict: when the file cannot be read or written.
        """
        with self._lock():
            present = self.list()
            ended = [one for one in present if one.feature == feature]
            if not ended:
                raise NotFound(f"Unseen values of {feature[:100]!r} are not refused.", code="feature_not_rejected")
            self._write([one for one in present if one.feature != feature])
        for one in ended:
            self._record("accept_feature", by, one, "asked for")
        return ended

    def accept_all(self, *, by: str) -> None:
        """End all, also when the file cannot be read.

        Raises:
            Conflict: when it cannot be written.
        """
        with self._lock():
            self._write([])
        self._audit.record(actor=by, action="accept_feature", target="all features", outcome="done")

    def _require_active(self) -> str:
        try:
            pointer = self._store.active()
        except ReleaseUnusable as fault:
            raise Conflict(str(fault), code="nothing_active") from fault
        if pointer is None:
            raise Conflict("No version is active.", code="nothing_active")
        return pointer.version

    def _require_feature(self, version: str, feature: str) -> None:
        try:
            schema = read_schema(self._store.directory(version))
        except (ReleaseUnusable, OSError):
            raise NotFound(f"There is no version {version[:20]!r}.", code="version_not_found") from None
        if feature not in {one.name for one in schema.features}:
            raise NotFound(f"Version {version} has no feature {feature[:100]!r}.", code="feature_not_found")

    def _write(self, rejections: Sequence[Rejection]) -> None:
        try:
            write_rejections(self._store.path, rejections)
        except OSError as fault:
            raise Conflict(f"The model store cannot be written here ({fault.strerror}).") from fault

    def _record(
        self, action: Literal["reject_feature", "accept_feature"], by: str, rejection: Rejection, reason: str
    ) -> None:
        logger.warning("%s of version %s by %s: %s", action, rejection.version, by, reason)
        self._audit.record(
            actor=by,
            action=action,
            target=f"feature {rejection.feature}",
            before=None if action == "reject_feature" else rejection.version,
            after=rejection.version if action == "reject_feature" else None,
            outcome="done",
            detail=reason,
        )

    @contextmanager
    def _lock(self) -> Iterator[None]:
        directory = self._store.path / ROLLOUT_DIRECTORY
        try:
            directory.mkdir(mode=0o700, exist_ok=True)
            file = (directory / "rejections.lock").open("w")
        except OSError as fault:
            raise Conflict(f"The model store cannot be written here ({fault.strerror}).") from fault
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
