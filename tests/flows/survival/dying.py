"""The application with a model that ends its worker when it is asked to, in several ways: a module for gunicorn."""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Sequence

from flask import Flask

from app.runtime.predictions import Predictions
from app.runtime.rows import TypedRow
from tests.flows.applications.replaced import create_app_with

# By the value of `tenure`: a crash in native code, the kernel's end for whoever takes too much memory, and the exit of
# a library with the code by which gunicorn stops altogether.
CRASHES, IS_KILLED, EXITS = 60, 61, 62
_STOPS_GUNICORN = 3


class DyingExecutor:
    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        if any(CRASHES in row for row in rows):
            faulthandler._sigsegv()  # type: ignore[attr-defined]
        if any(IS_KILLED in row for row in rows):
            os.kill(os.getpid(), signal.SIGKILL)
        if any(EXITS in row for row in rows):
            os._exit(_STOPS_GUNICORN)
        return Predictions(["Yes" for _ in rows], [{"No": 0.27, "Yes": 0.73} for _ in rows])


def make_dying() -> Flask:
    return create_app_with(DyingExecutor())
