"""Golden rows: inputs with the outputs they had at publication, replayed at every load."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from app.errors import ReleaseUnusable
from app.release.files import read_json, write_json

# AutoGluon computes in float32; other machines and batch sizes differ in the last bits.
TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class GoldenRows:
    """Rows by feature name, with labels and, for classification, probabilities by class."""

    rows: list[dict[str, Any]]
    labels: list[Any]
    probabilities: list[dict[str, float]] | None

    def take_one(self, position: int) -> GoldenRows:
        probabilities = self.probabilities and [self.probabilities[position]]
        return GoldenRows(rows=[self.rows[position]], labels=[self.labels[position]], probabilities=probabilities)

    def find_difference(
        self, labels: Sequence[Any], probabilities: Sequence[Mapping[str, float]] | None, *, first: int = 0
    ) -> str | None:
        """Say where answers differ from those of publication; None when they do not.

        Args:
            first: The number of the first row, for people.
        """
        if len(labels) != len(self.labels) or (probabilities is None) != (self.probabilities is None):
            return "the answers have another shape"
        by_row = {
            position: "is answered otherwise"
            for position, (got, expected) in enumerate(zip(labels, self.labels, strict=True))
            if not _answers_are_equal(got, expected)
        }
        for position, (row, expected_row) in enumerate(zip(probabilities or (), self.probabilities or (), strict=True)):
            if not _answers_are_equal(row, expected_row):
                by_row.setdefault(position, "has other probabilities")
        if not by_row:
            return None
        position, difference = min(by_row.items())
        others = f"; {len(by_row)} rows differ in all" if len(by_row) > 1 else ""
        return f"golden row {first + position} {difference} than at publication{others}"


def write_golden_rows(path: Path, golden: GoldenRows) -> None:
    write_json(path, asdict(golden))


def read_golden_rows(path: Path) -> GoldenRows:
    """Raises ReleaseUnusable when the file is missing or damaged."""
    try:
        values: Any = read_json(path)
        return GoldenRows(**values)
    except (OSError, orjson.JSONDecodeError, TypeError) as fault:
        raise ReleaseUnusable(f"The golden rows cannot be read ({type(fault).__name__}).") from fault


def _answers_are_equal(got: Any, expected: Any) -> bool:
    if isinstance(expected, Mapping):
        return got.keys() == expected.keys() and all(_answers_are_equal(got[name], expected[name]) for name in expected)
    if isinstance(expected, float):
        return math.isclose(got, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(got == expected) and type(got) is type(expected)
