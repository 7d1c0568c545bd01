"""The share of the processors that one caller may take: large requests wait their turn, small ones pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import g, request

from app.api.limits.rates import count_rows
from app.api.limits.refusals import refuse_unread
from app.api.services import current_services
from app.errors import RateLimited
from app.wiring import Services

View = Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class _LargeRequest:
    rows: int
    expected_seconds: float
    begun: float


def limit_by_cost(view: View) -> View:
    """Let a caller's large requests reach the view only as often as leaves time for other callers.

    Whether a request is large shows in its length before it is read, and is known when its rows are: the view has to
    call `limit_rows` then.
    """

    @wraps(view)
    def limited(*args: Any, **kwargs: Any) -> Any:
        services, caller = current_services(), g.caller.id
        length = request.content_length
        if length is not None and services.costs.looks_small(length):
            services.processor_share.note_presence(caller)
        elif seconds := services.processor_share.seconds_to_wait(caller):
            refuse_unread(_make_refusal(seconds))
        try:
            return view(*args, **kwargs)
        finally:
            _end_large_request(services, caller)

    return limited


def limit_rows(rows: int) -> None:
    """Count the rows of the request under way, and what they will cost.

    Raises:
        RateLimited: when its key may send no more for now, or has other large requests under way and others wait.
        TooLarge: when the key may never send so many at once.
    """
    count_rows(rows)
    services = current_services()
    if services.costs.is_small(rows):
        return
    seconds = services.processor_share.seconds_to_wait(g.caller.id)
    if seconds:
        raise _make_refusal(seconds)
    expected = services.costs.estimate_seconds(rows)
    begun = services.processor_share.begin(g.caller.id, expected_seconds=expected)
    g.large_request = _LargeRequest(rows=rows, expected_seconds=expected, begun=begun)


def _end_large_request(services: Services, caller: str) -> None:
    request_under_way: _LargeRequest | None = g.pop("large_request", None)
    if request_under_way is not None:
        rows, expected = request_under_way.rows, request_under_way.expected_seconds
        took = services.processor_share.end(caller, request_under_way.begun, expected_seconds=expected)
        services.costs.learn(rows=rows, body_bytes=request.content_length or 0, seconds=took)


def _make_refusal(seconds: float) -> RateLimited:
    return RateLimited(
        "This key has used its share of the processors, and other callers are there.",
        retry_after_seconds=math.ceil(seconds),
    )
