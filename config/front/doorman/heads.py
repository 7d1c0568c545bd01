"""What can be told of a request from its first bytes, without parsing it: not to answer it, only to place it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEALTH = (b"GET /health", b"HEAD /health", b"GET /ping", b"HEAD /ping", b"GET /v2/health", b"HEAD /v2/health")
_HEAD_END = b"\r\n\r\n"
_WANTED = re.compile(rb"^(x-request-id|x-request-timeout-ms|content-length):[ \t]*([!-~]{1,128})[ \t]*\r$", re.I | re.M)
_ID, _TIMEOUT, _LENGTH = b"x-request-id", b"x-request-timeout-ms", b"content-length"
_WHOLE_NUMBER = re.compile(rb"[0-9]{1,12}")


@dataclass(frozen=True)
class RequestStart:
    """The first bytes of a request.

    Attributes:
        timeout_ms: What the caller asks for; None when it does not, or when it is for the application to refuse.
        expected_bytes: How long it is in all, as far as the first bytes tell.
    """

    is_health: bool
    request_id: str | None
    timeout_ms: int | None
    expected_bytes: int


def read_start(received: bytes) -> RequestStart:
    head_end = received.find(_HEAD_END)
    head = received if head_end < 0 else received[: head_end + 2]
    named = {name.lower(): value for name, value in _WANTED.findall(head)}
    timeout, length = named.get(_TIMEOUT, b""), named.get(_LENGTH, b"0")
    body = int(length) if _WHOLE_NUMBER.fullmatch(length) else 0
    return RequestStart(
        is_health=received.startswith(_HEALTH),
        request_id=named[_ID].decode() if _ID in named else None,
        timeout_ms=int(timeout) if _WHOLE_NUMBER.fullmatch(timeout) else None,
        expected_bytes=len(received) + 1 if head_end < 0 else head_end + len(_HEAD_END) + body,
    )
