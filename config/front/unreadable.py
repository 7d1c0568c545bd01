"""What a worker answers when it cannot read a request as HTTP: an error like all others, without what was sent.

gunicorn's own page is HTML and repeats the line that it stumbled over, which may be the one with the API key.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from gunicorn.http.errors import (
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)

from config.front.answers import Refusal, write_refusal

_UNREADABLE = Refusal(
    "400 Bad Request", "bad_request", "The request cannot be read", "The request is not HTTP that can be read."
)
_LONG_ADDRESS = Refusal(
    "414 URI Too Long", "address_too_long", "The address is too long", "The first line of the request is too long."
)
_LARGE_HEAD = Refusal(
    "431 Request Header Fields Too Large",
    "headers_too_large",
    "The headers are too large",
    "The request has more or longer headers than the server reads.",
)
_FAILED = Refusal(
    "500 Internal Server Error",
    "internal_error",
    "Internal error",
    "The server failed on this request. It logged the reason.",
)


class AnswersUnreadable:
    """For a worker of gunicorn, in place of how it answers what it cannot read or answer."""

    log: Any

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:  # noqa: ARG002
        refusal = describe_fault(exc)
        address = addr[0] if addr else "a unix socket"
        if refusal is _FAILED:
            self.log.error("A request from %s failed before or after the application", address, exc_info=exc)
        else:
            self.log.info("A request from %s cannot be read: %s", address, type(exc).__name__)
        with contextlib.suppress(OSError):  # Its client has gone.
            client.send(write_refusal(refusal, request_id=None), socket.MSG_DONTWAIT)


def describe_fault(fault: BaseException) -> Refusal:
    if isinstance(fault, LimitRequestLine):
        return _LONG_ADDRESS
    if isinstance(fault, LimitRequestHeaders):
        return _LARGE_HEAD
    is_of_answer = isinstance(fault, InvalidResponseHeader | InvalidResponseHeaderName)
    return _UNREADABLE if isinstance(fault, ParseException) and not is_of_answer else _FAILED
