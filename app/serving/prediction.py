"""Predict rows with the active release: check them, predict in one pass, name what answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import FieldFault, InvalidRows, TooLarge
from app.release.manifest import Manifest
from app.runtime.loading import LoadedRelease
from app.runtime.switching.active import ActiveRelease
from app.serving.identifiers import make_identifier

_MOST_WARNINGS = 1000


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Answers to the rows of one request, all computed by the release of `manifest`.

    Attributes:
        labels: One class, number or `{quantile level: number}` per row.
        probabilities: `{class: probability}` per row; None for regression and quantile models.
        prediction_ids: One identifier per row, for feedback with the true outcome.
        warnings: Values that were accepted although training has not seen their like.
    """

    manifest: Manifest
    labels: list[Any]
    probabilities: list[dict[str, float]] | None
    prediction_ids: list[str]
    warnings: list[FieldFault]


class PredictionService:
    """Answers prediction requests with whatever release is active at that moment."""

    def __init__(self, active: ActiveRelease, *, max_rows: int) -> None:
        self._active = active
        self._max_rows = max_rows

    def predict(self, rows: Sequence[Any]) -> Prediction:
        """Predict rows as a caller sent them.

        Raises:
            ModelNotReady: when no release is loaded.
            TooLarge: for more rows than one request may hold.
            InvalidRows: with every fault of every row.
            PredictionFailed: when the model breaks on rows that fit its schema.
        """
        release = self._active.begin()
        try:
            return self._predict_with(release, rows)
        finally:
            self._active.end()

    def _predict_with(self, release: LoadedRelease, rows: Sequence[Any]) -> Prediction:
        if len(rows) > self._max_rows:
            raise TooLarge(
                f"One request may hold {self._max_rows} rows, this one holds {len(rows)}.", code="too_many_rows"
            )
        if not rows:
            raise InvalidRows([FieldFault(None, "data", "Expected at least one row.")])
        checked = release.validator.check(rows)
        predictions = release.executor.predict(checked.rows)
        return Prediction(
            manifest=release.manifest,
            labels=predictions.labels,
            probabilities=predictions.probabilities,
            prediction_ids=_make_prediction_ids(len(rows)),
            warnings=_limit_warnings(checked.warnings),
        )


def _make_prediction_ids(count: int) -> list[str]:
    """Unique across processes and restarts, and cheap: one random part a request, one number a row."""
    request = make_identifier()[:24]
    return [f"{request}-{position}" for position in range(count)]


def _limit_warnings(warnings: list[FieldFault]) -> list[FieldFault]:
    if len(warnings) <= _MOST_WARNINGS:
        return warnings
    more = len(warnings) - _MOST_WARNINGS
    return [*warnings[:_MOST_WARNINGS], FieldFault(None, None, f"{more} more warnings are not listed.")]
