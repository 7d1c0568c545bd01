"""One release answers rows as a caller sent them: it checks them, predicts in one pass, and is named in the answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.errors import FieldFault
from app.release.manifest import Manifest
from app.runtime.loading import Execution, LoadedRelease
from app.runtime.rows import TypedRow
from app.serving.identifiers import make_identifier

Role = Literal["active", "candidate"]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Answers to the rows of one request, all computed by the release of `manifest`.

    Attributes:
        labels: One class, number or `{quantile level: number}` per row.
        probabilities: `{class: probability}` per row; None for regression and quantile models.
        prediction_ids: One identifier per row, for feedback with the true outcome.
        warnings: Values that were accepted although training has not seen their like.
        validate_seconds: What the check of the rows took.
        model_seconds: What the model took, without the check of the rows.
        typed_rows: The rows as the model saw them.
        cached_rows: How many of them the model did not have to compute for this request.
    """

    manifest: Manifest
    labels: list[Any]
    probabilities: list[dict[str, float]] | None
    prediction_ids: list[str]
    warnings: list[FieldFault]
    validate_seconds: float
    model_seconds: float
    execution: Execution
    role: Role
    typed_rows: Sequence[TypedRow]
    cached_rows: int = 0

    @property
    def computed_seconds(self) -> float | None:
        """What the model took; None when it did not compute all rows, so that this says nothing of the model."""
        return None if self.cached_rows else self.model_seconds


def answer_rows(release: LoadedRelease, rows: Sequence[Any], *, role: Role = "active") -> Prediction:
    """Predict rows with exactly this release.

    Args:
        role: Why it is this one that answers.

    Raises:
        InvalidRows: with every fault of every row.
        PredictionFailed: when the model breaks on rows that fit its schema.
    """
    started = time.perf_counter()
    checked = release.validator.check(rows)
    checked_at = time.perf_counter()
    predictions = release.answering.predict(checked.rows)
    ended = time.perf_counter()
    return Prediction(
        manifest=release.manifest,
        labels=predictions.labels,
        probabilities=predictions.probabilities,
        prediction_ids=_make_prediction_ids(len(rows)),
        warnings=checked.warnings,
        validate_seconds=checked_at - started,
        model_seconds=ended - checked_at,
        execution=release.execution,
        role=role,
        typed_rows=checked.rows,
        cached_rows=predictions.cached_rows,
    )


def _make_prediction_ids(count: int) -> list[str]:
    """Unique across processes and restarts, and cheap: one random part a request, one number a row."""
    request = make_identifier()[:24]
    return [f"{request}-{position}" for position in range(count)]
