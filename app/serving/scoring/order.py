"""What is to be scored and how far it is: the plain values that engines take and give."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from app.errors import FieldFault, ServiceError
from app.release.manifest import Manifest
from app.release.signing import Trust
from app.release.store import ReleaseStore
from app.release.verification import read_manifest
from app.runtime.loading import Execution, LoadedRelease, load_release
from app.runtime.rows import RowRules
from app.runtime.switching.rejections import RejectedFeatures
from app.serving.scoring.scorer import PartRefusal, ScoredPart


@dataclass(frozen=True, kw_only=True)
class ReleaseChoice:
    """Which release answers. Any process can load it."""

    directory: Path
    trust: Trust
    prefer: Execution
    rules: RowRules

    def read_manifest(self) -> Manifest:
        """What the release says of itself, once its signature is known to be good."""
        return read_manifest(self.directory, self.trust)

    def load(self) -> LoadedRelease:
        """The release, which takes no unseen values of features that an operator has excluded, also from now on.

        Raises:
            ReleaseUnusable: with one sentence for the operator.
        """
        release = load_release(self.directory, trust=self.trust, prefer=self.prefer, rules=self.rules)
        features = RejectedFeatures(ReleaseStore(self.directory.parent))

        def read_rejected() -> frozenset[str]:
            features.follow()
            return features.reader_of(release.manifest.version)()

        return replace(release, rejected=read_rejected)


@dataclass
class Progress:
    """What has been scored so far.

    Attributes:
        share: Of the table, between 0 and 1; None where nobody knows how long it is.
        warnings: How many values of each kind were accepted although training has not seen their like.
        parts_by_rows: Parts of which each row had to be looked at for itself, which takes longer.
    """

    rows: int = 0
    seconds: float = 0.0
    share: float | None = None
    warnings: dict[str, int] = field(default_factory=dict)
    parts_by_rows: int = 0

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds if self.seconds else 0.0

    def add(self, scored: ScoredPart) -> None:
        self.rows += scored.rows
        self.parts_by_rows += scored.is_by_rows
        for kind, count in scored.warnings.items():
            self.warnings[kind] = self.warnings.get(kind, 0) + count


class ProgressWatcher(Protocol):
    def show_progress(self, progress: Progress) -> None: ...


class ScoringRefused(ServiceError):
    """A table that is not scored as a whole has no result: a part of it was refused."""

    status = 422
    title = "The table cannot be scored"

    def __init__(self, refusal: PartRefusal) -> None:
        super().__init__(refusal.detail, code=refusal.code)
        self._refusal = refusal

    def __reduce__(self) -> tuple[type[ScoringRefused], tuple[PartRefusal]]:
        return ScoringRefused, (self._refusal,)

    @property
    def faults(self) -> tuple[FieldFault, ...]:
        return self._refusal.faults
