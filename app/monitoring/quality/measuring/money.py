"""What the outcomes that came amount to in money, by the values that are declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.monitoring.quality.labels import number_classes
from app.monitoring.quality.measuring.cells import Cells
from app.monitoring.quality.measuring.pairs import Pairs
from app.monitoring.quality.measuring.values import CASES, ClassValues, OutcomeValues
from app.release.manifest import Manifest


@dataclass(frozen=True, kw_only=True)
class Money:
    """What a window of outcomes amounts to.

    Attributes:
        by_outcome: The sum of each kind of outcome.
        counts: How many there were, or are expected, of each.
    """

    currency: str
    rows: float
    by_outcome: Mapping[str, float]
    counts: Mapping[str, float]

    @property
    def total(self) -> float:
        return sum(self.by_outcome.values())

    def to_document(self) -> dict[str, Any]:
        return {
            "currency": self.currency,
            "total": round(self.total, 4),
            "per_row": round(self.total / self.rows, 6) if self.rows else 0.0,
            "by_outcome": {name: round(value, 4) for name, value in self.by_outcome.items()},
            "counts": {name: round(count, 2) for name, count in self.counts.items()},
        }


def count_money_of_numbers(values: OutcomeValues, pairs: Pairs) -> Money | None:
    """What outcomes that came amount to; None where nothing is declared for such a model."""
    if pairs.problem_type != "regression" or values.numbers is None:
        return None
    errors = pairs.predicted - pairs.truth
    sides = {
        "too_high": (float(errors[errors > 0].sum()) * values.numbers.per_unit_too_high, int((errors > 0).sum())),
        "too_low": (float(-errors[errors < 0].sum()) * values.numbers.per_unit_too_low, int((errors < 0).sum())),
    }
    return Money(
        currency=values.currency,
        rows=len(pairs),
        by_outcome={name: money for name, (money, _) in sides.items()},
        counts={name: count for name, (_, count) in sides.items()},
    )


def count_money_of_cells(values: OutcomeValues, manifest: Manifest, cells: Cells) -> Money | None:
    """What answered and true classes amount to, also expected ones; None where nothing is declared for such a model."""
    if cells.positive is not None and values.binary is not None:
        counts = _count_cases(cells)
        worth: Mapping[str, float] = values.binary
    elif values.classes is not None:
        counts, worth = _count_classes(values.classes, manifest, cells)
    else:
        return None
    return Money(
        currency=values.currency,
        rows=float(cells.counts.sum()),
        by_outcome={name: count * worth[name] for name, count in counts.items()},
        counts=counts,
    )


def _count_cases(cells: Cells) -> dict[str, float]:
    yes = cells.positive or 0
    no = 1 - yes
    counts = cells.counts
    return dict(
        zip(CASES, map(float, (counts[yes, yes], counts[yes, no], counts[no, no], counts[no, yes])), strict=True)
    )


def _count_classes(
    values: ClassValues, manifest: Manifest, cells: Cells
) -> tuple[dict[str, float], Mapping[str, float]]:
    positions = number_classes(manifest.class_labels or ())
    counts = {}
    left = cells.counts.copy()
    for true, answered in values.pairs:
        if true in positions and answered in positions:
            place = (positions[answered], positions[true])
            counts[f"{true} answered {answered}"] = float(left[place])
            left[place] = 0.0
    right = float(np.trace(left))
    counts |= {"right": right, "wrong": float(left.sum()) - right}
    worth = {f"{true} answered {answered}": value for (true, answered), value in values.pairs.items()}
    return counts, {**worth, "right": values.right, "wrong": values.wrong}
