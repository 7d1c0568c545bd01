"""The application with a model that hangs when it is asked to, in two ways: a module for gunicorn."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence

from flask import Flask

from app.runtime.predictions import Predictions
from app.runtime.rows import TypedRow
from tests.flows.applications.replaced import create_app_with

_FOR_EVER = 100_000
# By the value of `tenure`.
SLEEPS, KEEPS_INTERPRETER, IS_SLOW = 70, 71, 72
_SLOW_SECONDS = 1.5


class HangingExecutor:
    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        if any(SLEEPS in row for row in rows):
            threading.Event().wait(_FOR_EVER)
        if any(KEEPS_INTERPRETER in row for row in rows):
            # PyDLL calls without letting other threads run.
            ctypes.PyDLL(None).sleep(_FOR_EVER)
        if any(IS_SLOW in row for row in rows):
            threading.Event().wait(_SLOW_SECONDS)
        return Predictions(["Yes" for _ in rows], [{"No": 0.27, "Yes": 0.73} for _ in rows])


def make_hanging() -> Flask:
    return create_app_with(HangingExecutor())
