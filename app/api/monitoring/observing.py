"""What is told of the present request at its end: views, the guard and the error handlers leave it in the environ."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.api.request_id import identify_request
from app.monitoring.observation import AnswerObserved, Observer, RequestObserved

_ANSWER = "gluonserve.answer"
_ERROR = "gluonserve.error"
_LIMIT = "gluonserve.limit"
_KEY = "gluonserve.key"
_WAITED = "gluonserve.waited_seconds"


def note_answer(environ: dict[str, Any], answer: AnswerObserved) -> None:
    environ[_ANSWER] = answer


def tell_part(observer: Observer, environ: dict[str, Any]) -> None:
    """Tell of the answer that was noted, if one was, since another part of the same request follows."""
    if _ANSWER in environ:
        id = identify_request(environ)
        event = describe_request(environ, "200", route=find_route(environ), request_id=id, seconds=0.0)
        observer.observe(replace(event, is_part=True))


def note_error(environ: dict[str, Any], code: str) -> None:
    environ[_ERROR] = code


def note_limit(environ: dict[str, Any], limit: str | None) -> None:
    environ[_LIMIT] = limit


def note_key(environ: dict[str, Any], id: str) -> None:
    environ[_KEY] = id


def note_wait(environ: dict[str, Any], seconds: float) -> None:
    environ[_WAITED] = seconds


def find_key(environ: Mapping[str, Any]) -> str | None:
    """The id of the API key that a request under way was sent with, once it is checked."""
    id: str | None = environ.get(_KEY)
    return id


def find_route(environ: Mapping[str, Any]) -> str | None:
    """The rule that the address of a request under way has matched."""
    under_way = environ.get("werkzeug.request")
    rule = under_way and under_way.url_rule
    return rule and str(rule.rule)


def describe_request(
    environ: Mapping[str, Any], status: str, *, route: str | None, request_id: str, seconds: float
) -> RequestObserved:
    """The event of a request.

    Args:
        status: As WSGI has it, such as `200 OK`.
        seconds: What it took since a thread began with it.
    """
    return RequestObserved(
        route=route,
        status=int(status[:3] or 500),
        ended_at=time.time(),
        seconds=seconds,
        request_id=request_id,
        waited_seconds=environ.get(_WAITED, 0.0),
        error=environ.get(_ERROR),
        limit=environ.get(_LIMIT),
        key=environ.get(_KEY),
        answer=environ.get(_ANSWER),
    )
