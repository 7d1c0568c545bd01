"""Answers in JSON, and the headers of every answer: its request's id and what browsers must not do with it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import orjson
from flask import Response

from app.api.limits.headers import write_rate_limit_headers
from app.api.monitoring.observing import describe_request, find_route
from app.api.request_id import identify_request
from app.monitoring.observation import NoObserver, Observer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

_SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)
_OURS = frozenset(name for name, _ in _SECURITY_HEADERS) | {"X-Request-ID"}


def answer_json(
    body: object,
    *,
    status: int = 200,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Response:
    encoded = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
    return _Answer(encoded, status=status, content_type=media_type, headers=headers)


def answer_bytes(content: bytes, *, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    return _Answer(content, content_type=media_type, headers=headers)


class _Answer(Response):
    """Goes out as it was made: to look for what it does not have, a location or a stream, takes werkzeug 4 us.

    Nothing can be hung on its end: `call_on_close` is not called.
    """

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "HEAD":
            return super().__call__(environ, start_response)
        start_response(self.status, self.headers.to_wsgi_list())
        return self.iter_encoded()


class AnswerHeaders:
    """Adds the headers around Flask: no answer escapes, and it takes 1 us where Flask's own hooks take 30.

    For the same reasons it is here that the observer is told of every request.
    """

    def __init__(self, wsgi_app: WSGIApplication, observer: Observer | None = None) -> None:
        self._wsgi_app = wsgi_app
        self._observer = observer or NoObserver()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        started = time.perf_counter()
        request_id = identify_request(environ)
        status_sent, route = "", None

        def start_with_headers(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            nonlocal status_sent, route
            # Flask forgets the route when the request ends.
            status_sent, route = status, find_route(environ)
            added: tuple[tuple[str, str], ...] = (
                *_SECURITY_HEADERS,
                *write_rate_limit_headers(environ),
                ("X-Request-ID", request_id),
            )
            for name, _ in headers:
                # A page says by itself what it may load.
                if name in _OURS:
                    added = tuple(header for header in added if header[0] != name)
            return start_response(status, [*headers, *added], *exc_info)

        answer = self._wsgi_app(environ, start_with_headers)
        seconds = time.perf_counter() - started
        event = describe_request(environ, status_sent, route=route, request_id=request_id, seconds=seconds)
        self._observer.observe(event)
        return answer
