"""The application with a model that breaks in the worker that is asked for it: a factory for gunicorn."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from flask import Flask

from app import create_app
from app.api.services import current_services
from app.runtime.predictions import Executor, Predictions
from app.runtime.rows import TypedRow

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
    app = create_app()
    with app.app_context():
        active, cache = current_services().active, current_services().cache
        release = active.require()
        release = dataclasses.replace(release, executor=Breakable(release.executor))
        active.current = dataclasses.replace(release, cached=cache.stand_before(release))
    return app
