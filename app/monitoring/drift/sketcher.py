"""Counts live rows and answers into the bins of a release's profile, in the process that answers: no row is kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from app.monitoring.prediction_log.record import write_moment
from app.release.profile.bins import Counts, NumberBins
from app.release.profile.columns import ReadDate, read_answers, read_column
from app.release.profile.opening import OpenedProfile
from app.release.profile.reference import ColumnProfile

logger = logging.getLogger(__name__)

# So many rows share what a look at a column costs; more would keep the interpreter busy too long at a time.
ROWS_AT_ONCE = 250
LEAST_ROWS = 50
"""Of fewer rows no sketch tells: it would tell of each of them."""


class ProfileSketcher:
    """Sums up rows in memory that does not grow: the counts, and the rows since the last look at columns.

    Fallback: rows that do not fit the profile, as when the store was replaced under a running server, are left out,
    which is counted and logged once. The prediction log loses no line for it.

    Attributes:
        left_out: Rows that did not fit.
    """

    def __init__(
        self, version: str, opened: OpenedProfile, *, read_date: ReadDate, clock: Callable[[], float] = time.time
    ) -> None:
        self.left_out = 0
        self._version = version
        self._opened = opened
        self._read_date = read_date
        self._clock = clock
        self._rows: list[Sequence[Any]] = []
        self._labels: list[Any] = []
        self._probabilities: list[Mapping[str, float]] = []
        self._started_at = 0.0
        self._begin()

    def add(
        self, rows: Sequence[Any], labels: Sequence[Any], probabilities: Sequence[Mapping[str, float]] | None
    ) -> None:
        self._started_at = self._started_at or self._clock()
        self._rows += rows
        self._labels += labels
        self._probabilities += probabilities or ()
        if len(self._rows) >= ROWS_AT_ONCE:
            self._count()

    def flush(self) -> dict[str, Any] | None:
        """The sum since the last one; None while there are too few rows, which the next one then tells of as well."""
        if self._rows:
            self._count()
        if self._counted < LEAST_ROWS:
            return None
        sketch = {
            "kind": "sketch",
            "at": write_moment(self._clock()),
            "since": write_moment(self._started_at),
            "version": self._version,
            "profile": self._opened.digest,
            "rows": self._counted,
            "features": [column.to_list() for column in self._features],
            "answers": [column.to_list() for column in self._answers],
        }
        self._begin()
        return sketch

    def _begin(self) -> None:
        profile = self._opened.profile
        self._started_at = 0.0
        self._counted = 0
        self._features = [_ColumnCounter(column) for column in profile.features]
        self._answers = [_ColumnCounter(answer.column) for answer in profile.answers]

    def _count(self) -> None:
        rows, labels, probabilities = self._rows, self._labels, self._probabilities
        self._rows, self._labels, self._probabilities = [], [], []
        try:
            columns = self._read_features(rows), self._read_answers(labels, probabilities)
        except (ValueError, TypeError, LookupError) as fault:
            self._note_misfit(len(rows), fault)
            return
        self._counted += len(rows)
        for counters, values in zip((self._features, self._answers), columns, strict=True):
            for counter, column in zip(counters, values, strict=True):
                counter.add(column)

    def _read_features(self, rows: Sequence[Sequence[Any]]) -> list[Any]:
        schema, profile = self._opened.schema, self._opened.profile
        features = zip(schema.features, profile.features, zip(*rows, strict=True), strict=True)
        return [read_column(values, column.kind, feature, self._read_date) for feature, column, values in features]

    def _read_answers(self, labels: Sequence[Any], probabilities: Sequence[Mapping[str, float]]) -> list[Any]:
        answers = self._opened.profile.answers
        return [read_answers(answer.view, answer.of, labels, probabilities) for answer in answers]

    def _note_misfit(self, rows: int, fault: Exception) -> None:
        if not self.left_out:
            logger.warning(
                "Rows of version %s do not fit its profile (%s): drift leaves them out. Restart the server if the "
                "model store was replaced.",
                self._version,
                type(fault).__name__,
            )
        self.left_out += rows


class _ColumnCounter:
    """How often the bins of one column were met, and the sum of its numbers.

    A number outside of training counts in the sum as the nearest one inside: a sum in a log tells of no single value.
    """

    def __init__(self, profile: ColumnProfile) -> None:
        self.profile = profile
        self._counts: Counts = np.zeros(profile.bins.size, np.int64)
        self._sum = 0.0

    def add(self, values: Any) -> None:
        bins = self.profile.bins
        self._counts += bins.count(values)
        if isinstance(bins, NumberBins):
            self._sum += float(np.nansum(bins.clip(values)))

    def to_list(self) -> list[Any]:
        return [self._sum, self._counts.tolist()]
