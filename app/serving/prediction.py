"""Predict rows with whatever release is to answer them: the active one, or a candidate that is on trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.errors import FieldFault, InvalidRows, TooLarge
from app.runtime.deadline import NO_DEADLINE, Deadline, answering_by
from app.runtime.switching.active import ActiveRelease
from app.serving.answering import Prediction
from app.serving.cache.bypass import answering_anew
from app.serving.overload.under_way import PredictionsUnderWay
from app.serving.rollout.trials.trial import NoTrial, Trial


class PredictionService:
    """Answers prediction requests; each is answered by one release as a whole, which the answer names.

    Attributes:
        trial: What the candidate, if there is one, has to do with a request. Replaced while requests come.
        under_way: The predictions that have begun and not ended.
    """

    def __init__(self, active: ActiveRelease, *, max_rows: int) -> None:
        self._active = active
        self._max_rows = max_rows
        self.trial: Trial = NoTrial()
        self.under_way = PredictionsUnderWay()

    def predict(
        self,
        rows: Sequence[Any],
        *,
        route_value: str | None = None,
        deadline: Deadline = NO_DEADLINE,
        is_anew: bool = False,
    ) -> Prediction:
        """Predict rows as a caller sent them.

        Args:
            route_value: What the caller is known by, as `trial.routed_by` asks for it.
            deadline: When the answer is due. What cannot begin before is not predicted.
            is_anew: Whether the model has to compute every row, also those whose answers are known.

        Raises:
            ModelNotReady: when no release is loaded.
            TooLarge: for more rows than one request may hold.
            InvalidRows: with every fault of every row.
            PredictionFailed: when the model breaks on rows that fit its schema.
            DeadlineExceeded: when it is not the request's turn in time.
        """
        release = self._active.begin()
        self.under_way.begin(deadline)
        try:
            self._check_count(rows)
            deadline.require_time()
            with answering_by(deadline), answering_anew(is_anew):
                return self.trial.answer(release, rows, route_value)
        finally:
            self.under_way.end()
            self._active.end()

    def _check_count(self, rows: Sequence[Any]) -> None:
        if len(rows) > self._max_rows:
            raise TooLarge(
                f"One request may hold {self._max_rows} rows, this one holds {len(rows)}.", code="too_many_rows"
            )
        if not rows:
            raise InvalidRows([FieldFault(None, "data", "Expected at least one row.")])
