"""The predictions that the threads of this process are at."""

from __future__ import annotations

import threading
import time

from app.runtime.deadline import Deadline


class PredictionsUnderWay:
    """Which thread predicts since when. Its costs are two moments and two entries of a dictionary a request.

    Attributes:
        started: The moment of time.monotonic() by the thread's identifier, and until when its answer is due.
    """

    def __init__(self) -> None:
        self.started: dict[int, tuple[float, float]] = {}

    def begin(self, deadline: Deadline) -> None:
        self.started[threading.get_ident()] = (time.monotonic(), deadline.due)

    def end(self) -> None:
        self.started.pop(threading.get_ident(), None)
