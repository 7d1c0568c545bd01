"""Events as the edge of the application makes them, and who keeps them."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from app.monitoring.observation import AnswerObserved, RequestObserved


class Kept:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[RequestObserved] = []
        self.lost = 0
        self.is_closed = False

    def consume(self, events: Sequence[RequestObserved], *, lost: int) -> None:
        self.events.extend(events)
        self.lost += lost

    def close(self) -> None:
        self.is_closed = True


def make_answer(**changes: Any) -> AnswerObserved:
    usual: dict[str, Any] = {
        "version": "3",
        "name": "churn",
        "role": "active",
        "execution": "plan",
        "rows": 1,
        "validate_seconds": 0.0001,
        "predict_seconds": 0.0004,
    }
    return AnswerObserved(**{**usual, **changes})


def make_event(answer: AnswerObserved | None = None, **changes: Any) -> RequestObserved:
    usual: dict[str, Any] = {
        "route": "/predict",
        "status": 200,
        "ended_at": 1_790_000_000.0,
        "seconds": 0.001,
        "request_id": "r1",
        "answer": answer,
    }
    return RequestObserved(**{**usual, **changes})


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes, as on a disk that is full.

    Only around what is to notice it: pytest itself may write to a file.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
