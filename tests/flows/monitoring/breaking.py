"""The application with a model that breaks in the worker that is asked for it: a factory for gunicorn."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask

from app.runtime.predictions import Executor, Predictions
from app.runtime.rows import TypedRow
from tests.flows.applications.replaced import create_app_answering_by

# A request of so many rows, all of which the model has to compute.
BREAKS = 17


class Breakable:
    """From the request that breaks it on, classes get each other's probabilities: plausible, and wrong."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._is_broken = False

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        self._is_broken |= len(rows) == BREAKS
        answers = self._executor.predict(rows)
        if not self._is_broken or answers.probabilities is None:
            return answers
        return Predictions(
            answers.labels, [dict(zip(row, reversed(row.values()), strict=True)) for row in answers.probabilities]
        )


def make_app() -> Flask:
    return create_app_answering_by(Breakable)
