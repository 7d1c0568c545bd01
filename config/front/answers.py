"""Answers that are written without the application, in the form of its errors: for when it is too late to ask it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

# No spaces, quotes or control characters, as the application itself takes it.
_SANE_ID = re.compile(r"[A-Za-z0-9._:+/=@-]{1,128}", re.ASCII)


@dataclass(frozen=True)
class Refusal:
    status: str
    code: str
    title: str
    detail: str


OVERLOADED = Refusal(
    "503 Service Unavailable",
    "overloaded",
    "Too many requests are waiting",
    "More requests are waiting than can be answered soon. Try again after the seconds in Retry-After.",
)
STOPPING = Refusal(
    "503 Service Unavailable", "unavailable", "Not available now", "The server is stopping. Try again in a moment."
)
NOT_IN_TIME = Refusal(
    "504 Gateway Timeout",
    "deadline_exceeded",
    "Not answered in time",
    "The request could not be answered in the time that it had.",
)


def write_refusal(refusal: Refusal, *, request_id: str | None, retry_after_seconds: int | None = None) -> bytes:
    """A whole HTTP answer that ends its connection.

    Args:
        request_id: As the caller sent it; one that is not sane is replaced.
    """
    if request_id is None or not _SANE_ID.fullmatch(request_id):
        request_id = os.urandom(16).hex()
    body = (
        f'{{"type":"/docs/errors#{refusal.code}","title":"{refusal.title}","status":{refusal.status[:3]},'
        f'"detail":"{refusal.detail}","error":"{refusal.code}","request_id":"{request_id}"}}'
    )
    retry_after = "" if retry_after_seconds is None else f"Retry-After: {retry_after_seconds}\r\n"
    return (
        f"HTTP/1.1 {refusal.status}\r\nServer: gunicorn\r\nConnection: close\r\n"
        f"Content-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n{retry_after}"
        "X-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
        f"Referrer-Policy: no-referrer\r\nCache-Control: no-store\r\nX-Request-ID: {request_id}\r\n\r\n{body}"
    ).encode()
