"""What can be told of a request from its first bytes, without parsing it: not to answer it, only to place it."""

from __future__ import annotations

from typing import NamedTuple

_HEALTH = (b"GET /health", b"HEAD /health", b"GET /ping", b"HEAD /ping", b"GET /v2/health", b"HEAD /v2/health")
_LINE_END, _HEAD_END = b"\r\n", b"\r\n\r\n"
_ID, _TIMEOUT, _LENGTH = b"\r\nx-request-id:", b"\r\nx-request-timeout-ms:", b"\r\ncontent-length:"
_MOST_ID_BYTES, _MOST_DIGITS = 128, 12
_PRINTED = bytes(range(ord("!"), ord("~") + 1))


class RequestStart(NamedTuple):
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
    """Read what a caller has sent so far; by searching for the few names, for this is done under overload."""
    head_end = received.find(_HEAD_END)
    head = received if head_end < 0 else received[: head_end + len(_LINE_END)]
    lowered = head.lower()
    body = _find_number(head, lowered, _LENGTH) or 0
    request_id = _find_value(head, lowered, _ID)
    is_sane = 0 < len(request_id) <= _MOST_ID_BYTES and not request_id.translate(None, _PRINTED)
    return RequestStart(
        is_health=received.startswith(_HEALTH),
        request_id=request_id.decode() if is_sane else None,
        timeout_ms=_find_number(head, lowered, _TIMEOUT),
        expected_bytes=len(received) + 1 if head_end < 0 else head_end + len(_HEAD_END) + body,
    )


def _find_value(head: bytes, lowered: bytes, name: bytes) -> bytes:
    """What follows a name, in the first of its lines that has ended."""
    at = lowered.find(name)
    start = at + len(name)
    end = head.find(_LINE_END, start)
    return b"" if at < 0 or end < 0 else head[start:end].strip(b" \t")


def _find_number(head: bytes, lowered: bytes, name: bytes) -> int | None:
    value = _find_value(head, lowered, name)
    return int(value) if value.isdigit() and len(value) <= _MOST_DIGITS else None
