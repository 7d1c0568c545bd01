"""What a model answers, in plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from app.runtime.rows import TypedRow


@dataclass(frozen=True)
class Predictions:
    """Answers of one pass, in the order of the rows.

    Attributes:
        labels: The class by the model's own decision threshold, the number, or for quantile models `{level: number}`.
        probabilities: `{class: probability}` per row; None for regression and quantile models.
        cached_rows: How many of the rows the model did not have to compute for this.
    """

    labels: list[Any]
    probabilities: list[dict[str, float]] | None
    cached_rows: int = 0


class Executor(Protocol):
    """Something that predicts typed rows. Safe to call from several threads."""

    def predict(self, rows: Sequence[TypedRow]) -> Predictions: ...
