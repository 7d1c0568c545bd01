"""Requests and rows per minute: counted, refused with 429, and told in RateLimit headers."""

from __future__ import annotations

from flask import request

from app.api.limits.headers import note_decision
from app.errors import RateLimited
from app.security.keys.store import ApiKey
from app.security.limits.windows import Decision
from app.wiring.services import Services


def limit_requests(services: Services, key: ApiKey) -> None:
    """Count a request of a key, before its body is read.

    Raises:
        RateLimited: when it may send no more for now.
    """
    decision = services.rate_limits.take_request(key)
    if decision is not None:
        note_decision(request.environ, decision)
        if not decision.is_granted:
            raise _make_refusal(decision)


def count_rows(services: Services, key: ApiKey, rows: int) -> None:
    """Count the rows of the request under way.

    Raises:
        RateLimited: when its key may send no more for now.
        TooLarge: when it may never send so many at once.
    """
    decision = services.rate_limits.take_rows(key, rows)
    if decision is not None:
        note_decision(request.environ, decision)
        if not decision.is_granted:
            raise _make_refusal(decision)


def _make_refusal(decision: Decision) -> RateLimited:
    quota = decision.quota
    return RateLimited(
        f"This key may send {decision.amount} {quota.name} in {quota.window_seconds} seconds.",
        retry_after_seconds=decision.retry_after_seconds,
        limit=quota.name,
    )
