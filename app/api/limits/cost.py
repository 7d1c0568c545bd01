"""The share of the processors that one caller may take: large requests wait their turn, small ones pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import g, request

from app.api.limits.rates import count_rows
from app.api.services import current_services
from app.errors import RateLimited
from app.wiring.services import Services

View = Callable[..., Any]

# Below 10,000 bytes there is room for some dozens of rows, whose cost is not worth counting.
_DIGITS_OF_A_SHORT_LENGTH = 4


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
        length = request.environ.get("CONTENT_LENGTH")
        if length and len(length) <= _DIGITS_OF_A_SHORT_LENGTH:
            return view(*args, **kwargs)
        return _answer_long_request(lambda: view(*args, **kwargs))

    return limited


def limit_rows(services: Services, rows: int) -> None:
    """Count the rows of the request under way, and what they will cost.

    Raises:
        RateLimited: when its key may send no more for now, or has other large requests under way and others wait.
        TooLarge: when the key may never send so many at once.
    """
    key = g.caller.key
    count_rows(services, key, rows)
    if services.costs.is_small(rows) or "is_long" not in g:
        services.processor_share.note_presence(key.id)
    else:
        _begin_large_request(services, key.id, rows)


def _answer_long_request(answer: Callable[[], Any]) -> Any:
    services, caller = current_services(), g.caller.id
    length = request.content_length
    if length is None or not services.costs.looks_small(length):
        seconds = services.processor_share.seconds_to_wait(caller)
        if seconds:
            raise _make_refusal(seconds)
    g.is_long = True
    try:
        return answer()
    finally:
        _end_large_request(services, caller)


def _begin_large_request(services: Services, caller: str, rows: int) -> None:
    seconds = services.processor_share.seconds_to_wait(caller)
    if seconds:
        raise _make_refusal(seconds)
    expected = services.costs.estimate_seconds(rows)
    begun = services.processor_share.begin(caller, expected_seconds=expected)
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
        limit="processor_share",
    )
