"""The headers RateLimit-Policy and RateLimit, after draft-ietf-httpapi-ratelimit-headers-10."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.security.limits.windows import Decision

_ENVIRON_KEY = "gluonserve.rate_limits"


def note_decision(environ: dict[str, Any], decision: Decision) -> None:
    """Let the answer tell how a quota stands."""
    environ[_ENVIRON_KEY] = (*environ.get(_ENVIRON_KEY, ()), decision)


def write_rate_limit_headers(environ: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The headers of an answer; none for a caller without limits."""
    decisions: tuple[Decision, ...] | None = environ.get(_ENVIRON_KEY)
    if decisions is None:
        return ()
    return (
        ("RateLimit-Policy", ", ".join(_describe_policy(decision) for decision in decisions)),
        ("RateLimit", ", ".join(_describe_standing(decision) for decision in decisions)),
    )


def _describe_policy(decision: Decision) -> str:
    quota = decision.quota
    # Requests are the unit that is meant when none is named; rows are one of our own.
    unit = "" if quota.name == "requests" else f';qu="{quota.name}"'
    return f'"{quota.name}";q={decision.amount}{unit};w={quota.window_seconds}'


def _describe_standing(decision: Decision) -> str:
    return f'"{decision.quota.name}";r={decision.remaining};t={decision.seconds_until_more}'
