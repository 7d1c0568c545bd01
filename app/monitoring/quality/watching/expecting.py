"""Rows of the log on their way into sums of what they are expected to turn out as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from app.monitoring.quality.estimating.sums import ExpectedSums
from app.monitoring.quality.measuring.pairs import code_rows, find_positive
from app.monitoring.quality.watching.expectations import STRETCH_LETTERS, ExpectationTable
from app.monitoring.quality.watching.versions import Published, PublishedVersions

MOST_ROWS = 10_000
# The sums hold the square of so many numbers for each ten minutes.
MOST_CLASSES = 100


def sum_expectations(published: Published, answered: Any, said: Any) -> ExpectedSums:
    """What rows are expected to turn out as, by probabilities in the order of the manifest's classes."""
    manifest, calibration = published.manifest, published.calibration
    sums = ExpectedSums(said.shape[1])
    positive = find_positive(manifest) if manifest.problem_type == "binary" else None
    sums.add_rows(answered, said, calibration.apply(said) if calibration else said, positive=positive)
    return sums


class Expectations:
    """Holds rows only until there are enough to add them up at once."""

    def __init__(self, versions: PublishedVersions) -> None:
        self._versions = versions
        self._rows: dict[tuple[str, str, tuple[str, ...]], tuple[list[Any], list[Any]]] = {}
        self._count = 0
        self._sums: dict[tuple[str, str], ExpectedSums] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """Take a record of a request; one without probabilities leads to no expectation."""
        probabilities = record.get("probabilities")
        if not probabilities:
            return
        key = (record["version"], record["at"][:STRETCH_LETTERS], tuple(record["classes"]))
        labels, said = self._rows.setdefault(key, ([], []))
        labels.extend(record["labels"])
        said.extend(probabilities)
        self._count += len(probabilities)
        if self._count >= MOST_ROWS:
            self._fold()

    def take(self) -> Mapping[tuple[str, str], ExpectedSums]:
        """The sums since the last call, by version and stretch of time."""
        self._fold()
        sums, self._sums = self._sums, {}
        return sums

    def store(self, table: ExpectationTable) -> set[str]:
        """Add what there is to a table; return the versions that it is of."""
        sums = self.take()
        for (version, start), added in sums.items():
            table.add(version, start, added)
        return {version for version, _ in sums}

    def _fold(self) -> None:
        rows, self._rows, self._count = self._rows, {}, 0
        for (version, start, classes), (labels, said) in rows.items():
            published = self._versions.find(version)
            if published is None or len(published.manifest.class_labels or ()) not in range(2, MOST_CLASSES + 1):
                continue
            answered, coded = code_rows(published.manifest, labels, np.array(said, dtype=float), classes)
            added = sum_expectations(published, answered, coded)
            if (version, start) in self._sums:
                added.add(self._sums[version, start])
            self._sums[version, start] = added
