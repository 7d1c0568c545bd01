"""A release executed by its compiled plan: typed rows in, predictions out, without pandas and without AutoGluon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from app.errors import PredictionFailed
from app.runtime.columns.column import Column
from app.runtime.plan.answers import AnswerForm, refuse_non_finite
from app.runtime.plan.encoding import FeatureEncoder
from app.runtime.plan.ensemble import Ensemble
from app.runtime.plan.joint import Answers, Matrix
from app.runtime.predictions import PredictedColumns, Predictions
from app.runtime.rows import TypedRow

Given = TypeVar("Given")

# Fewer rows are computed in about the time that it takes to find equal ones.
_FEWEST_ROWS_TO_COMPARE = 200


class PlanExecutor:
    """Safe to call from several threads at once.

    One request is computed by one thread. Two that shared the rows of a large one took turns at the interpreter and
    were no faster: each NumPy operation works on a block that fits the cache, and is over in microseconds.
    """

    def __init__(self, encoder: FeatureEncoder, ensemble: Ensemble, answers: AnswerForm) -> None:
        self._encoder = encoder
        self._ensemble = ensemble
        self._answers = answers

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        """Predict rows; each row's answer is the same alone and among others.

        Raises:
            PredictionFailed: when a step breaks on rows that fit the schema, or an answer is not a finite number.
        """
        return self._answers.describe(self._answer(self._encoder.encode, rows))

    def predict_columns(self, features: Sequence[Column]) -> PredictedColumns:
        """The same for rows by their columns.

        Raises:
            PredictionFailed: as `predict` does.
        """
        return self._answers.list_columns(self._answer(self._encoder.encode_columns, features))

    def _answer(self, encode: Callable[[Given], Matrix], given: Given) -> Answers:
        try:
            numbers = self._compute(encode(given))
        except Exception as fault:
            raise PredictionFailed("The model could not predict these rows.") from fault
        refuse_non_finite(numbers)
        return numbers

    def _compute(self, matrix: Matrix) -> Answers:
        # Extreme rows may overflow on the way, as they do in AutoGluon; what comes out is checked.
        with np.errstate(all="ignore"):
            if len(matrix) < _FEWEST_ROWS_TO_COMPARE:
                return self._ensemble.predict(matrix)
            distinct, places = find_distinct_rows(matrix)
            return self._ensemble.predict(distinct)[places]


def find_distinct_rows(matrix: Matrix) -> tuple[Matrix, npt.NDArray[np.intp]]:
    """The rows of a C-contiguous matrix that differ in any bit, and for each row the place of its like among them."""
    keys = matrix.view(f"V{matrix.shape[1] * matrix.itemsize}").ravel().tolist()
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    places = np.fromiter(map(numbers.__getitem__, keys), np.intp, len(keys))
    distinct = np.frombuffer(b"".join(numbers), matrix.dtype).reshape(len(numbers), -1)
    return distinct, places
