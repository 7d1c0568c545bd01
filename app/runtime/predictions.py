"""What a model answers, in plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from app.runtime.columns.column import Column
from app.runtime.rows import TypedRow

Numbers = npt.NDArray[np.float64]


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


@dataclass(frozen=True, eq=False)
class PredictedColumns:
    """Answers of one pass, in the order of the rows: the same values as `Predictions` holds.

    Attributes:
        labels: The class or the number of each row; None for quantile models.
        numbers: The probabilities by class, or the numbers by quantile level; empty for regression.
    """

    labels: Sequence[Any] | Numbers | None
    numbers: Mapping[str, Numbers]


@runtime_checkable
class ColumnExecutor(Executor, Protocol):
    """One that can do without rows."""

    def predict_columns(self, features: Sequence[Column]) -> PredictedColumns:
        """Predict rows of which each feature has a column of typed values, in the order of the schema."""
