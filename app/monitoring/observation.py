"""What one request was, told once at its end: the one event that the prediction log and the metrics are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from app.errors import FieldFault

Role = Literal["active", "candidate"]


@dataclass(slots=True, kw_only=True)
class AnswerObserved:
    """What a prediction was. Made in the request's own time, so it holds what was there anyway and works nothing out.

    Attributes:
        version: Of the release that answered, as the next three.
        validate_seconds, predict_seconds: What the check of the rows and the model took, waiting for a turn included.
        prediction_ids: One for each row, or none.
        cached_rows: How many rows the model did not have to compute for this request.
        inputs, typed_rows: The rows as the caller sent them, and as the model saw them.
    """

    version: str
    name: str
    role: Role
    execution: str
    rows: int
    validate_seconds: float
    predict_seconds: float
    cached_rows: int = 0
    warnings: Sequence[FieldFault] = ()
    prediction_ids: Sequence[str] = ()
    inputs: Sequence[Any] = ()
    typed_rows: Sequence[Any] = ()
    labels: Sequence[Any] = ()
    probabilities: Sequence[dict[str, float]] | None = None


@dataclass(slots=True, kw_only=True)
class RequestObserved:
    """A request that was answered, in whatever way.

    Attributes:
        route: The rule that its address matched, such as `/models/<version>/activate`; None when none did.
        error: The stable code of its refusal.
        limit: Which limit was reached, where one was.
        ended_at: Seconds since 1970.
        seconds: From when a thread took it up to when its answer was there.
        waited_seconds: How long it waited at the socket before that, where it was asked for.
        key: Id of its API key.
        answer: None unless it was predicted.
        is_part: Whether this is not the request but only some of its rows: a long table is told of chunk by chunk.
    """

    route: str | None
    status: int
    ended_at: float
    seconds: float
    request_id: str
    waited_seconds: float = 0.0
    error: str | None = None
    limit: str | None = None
    key: str | None = None
    answer: AnswerObserved | None = field(default=None, repr=False)
    is_part: bool = False


class Observer(Protocol):
    """Is told of every request, in the request's own time."""

    def observe(self, event: RequestObserved) -> None: ...


class NoObserver:
    """Looks away."""

    def observe(self, event: RequestObserved) -> None: ...


class Consumer(Protocol):
    """Works on what was observed, in a thread of its own and in the order in which requests ended."""

    def consume(self, events: Sequence[RequestObserved], *, lost: int) -> None:
        """Take what came since the last call, which was a tenth of a second ago; often that is nothing.

        Args:
            lost: Requests that ended since then and of which nothing else is known: too many came at once.
        """

    def close(self) -> None: ...
