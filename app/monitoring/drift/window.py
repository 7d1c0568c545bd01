"""A window of live rows: sketches of one version added up, in a size that does not depend on how many there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from app.monitoring.watcher.parts import Record
from app.release.profile.bins import Counts
from app.release.profile.reference import ColumnProfile, ReferenceProfile


@dataclass(frozen=True)
class LiveColumn:
    """What live rows had in one column.

    Attributes:
        sum: Of all numbers, those outside of training as the nearest one inside.
    """

    counts: Counts
    sum: float

    def add(self, other: LiveColumn) -> LiveColumn:
        return LiveColumn(self.counts + other.counts, self.sum + other.sum)

    def to_list(self) -> list[Any]:
        return [self.sum, self.counts.tolist()]


@dataclass(frozen=True, kw_only=True)
class Window:
    """Live rows from a first to a last moment.

    Attributes:
        profile: The digest of the profile whose bins the rows were counted in.
    """

    since: datetime
    until: datetime
    rows: int
    profile: str
    features: Sequence[LiveColumn]
    answers: Sequence[LiveColumn]

    @classmethod
    def read(cls, sketch: Record) -> Window:
        """The window of one sketch, or what `to_state` made of a window.

        Raises:
            KeyError, TypeError, ValueError: when it is no sketch.
        """
        return cls(
            since=datetime.fromisoformat(sketch["since"]),
            until=datetime.fromisoformat(sketch["at"]),
            rows=int(sketch["rows"]),
            profile=str(sketch["profile"]),
            features=_read_columns(sketch["features"]),
            answers=_read_columns(sketch["answers"]),
        )

    def add(self, other: Window) -> Window:
        return Window(
            since=min(self.since, other.since),
            until=max(self.until, other.until),
            rows=self.rows + other.rows,
            profile=self.profile,
            features=[one.add(more) for one, more in zip(self.features, other.features, strict=True)],
            answers=[one.add(more) for one, more in zip(self.answers, other.answers, strict=True)],
        )

    def fits(self, profile: ReferenceProfile) -> bool:
        """Tell whether its counts have the shape of a profile's."""
        answers = [answer.column for answer in profile.answers]
        return _have_same_bins(self.features, profile.features) and _have_same_bins(self.answers, answers)

    def to_state(self) -> Mapping[str, Any]:
        return {
            "since": self.since.isoformat(),
            "at": self.until.isoformat(),
            "rows": self.rows,
            "profile": self.profile,
            "features": [column.to_list() for column in self.features],
            "answers": [column.to_list() for column in self.answers],
        }


def _read_columns(values: Sequence[Any]) -> Sequence[LiveColumn]:
    return [LiveColumn(np.array(counts, np.int64), float(total)) for total, counts in values]


def _have_same_bins(live: Sequence[LiveColumn], reference: Sequence[ColumnProfile]) -> bool:
    return [len(column.counts) for column in live] == [column.bins.size for column in reference]
