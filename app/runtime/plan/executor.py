"""A release executed by its compiled plan: typed rows in, predictions out, without pandas and without AutoGluon."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.errors import PredictionFailed
from app.runtime.plan.answers import AnswerForm, refuse_non_finite
from app.runtime.plan.encoding import FeatureEncoder
from app.runtime.plan.ensemble import Ensemble
from app.runtime.predictions import Predictions
from app.runtime.rows import TypedRow


class PlanExecutor:
    """Safe to call from several threads at once."""

    def __init__(self, encoder: FeatureEncoder, ensemble: Ensemble, answers: AnswerForm) -> None:
        self._encoder = encoder
        self._ensemble = ensemble
        self._answers = answers

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        """Predict rows; each row's answer is the same alone and among others.

        Raises:
            PredictionFailed: when a step breaks on rows that fit the schema, or an answer is not a finite number.
        """
        try:
            # Extreme rows may overflow on the way, as they do in AutoGluon; what comes out is checked.
            with np.errstate(all="ignore"):
                numbers = self._ensemble.predict(self._encoder.encode(rows))
        except Exception as fault:
            raise PredictionFailed("The model could not predict these rows.") from fault
        refuse_non_finite(numbers)
        return self._answers.describe(numbers)
