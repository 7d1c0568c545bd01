from __future__ import annotations

import logging
import socket

import orjson
import pytest
from gunicorn.http.errors import (
    ExpectationFailed,
    InvalidHeader,
    InvalidRequestLine,
    InvalidResponseHeader,
    LimitRequestHeaders,
    LimitRequestLine,
    UnsupportedTransferCoding,
)

from app.api.openapi.error_codes import ERROR_CODES
from config.front.unreadable import AnswersUnreadable

KEY = "gsk_aaaaaaaa_" + "A" * 32 + "_000000"


class Worker(AnswersUnreadable):
    log = logging.getLogger("worker")


def answer(fault: BaseException) -> tuple[int, dict[str, object], bytes]:
    """Status, document and the whole of what a client receives."""
    near, far = socket.socketpair()
    with near, far:
        Worker().handle_error(None, near, ("192.0.2.1", 1), fault)
        received = far.recv(1 << 16)
    return int(received[9:12]), orjson.loads(received.partition(b"\r\n\r\n")[2]), received


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (InvalidRequestLine(f"X-API-Key: {KEY}"), "bad_request"),
        (InvalidHeader(f"X-API-Key {KEY}"), "bad_request"),
        (ExpectationFailed(KEY), "bad_request"),
        (UnsupportedTransferCoding(KEY), "bad_request"),
        (LimitRequestLine(9000, 4094), "address_too_long"),
        (LimitRequestHeaders(KEY), "headers_too_large"),
        (InvalidResponseHeader(KEY), "internal_error"),
        (RuntimeError(KEY), "internal_error"),
    ],
)
def test_what_cannot_be_read_is_answered_in_the_documented_shape_without_what_was_sent(
    fault: BaseException, code: str
) -> None:
    status, problem, received = answer(fault)
    assert (status, problem["status"], problem["error"]) == (ERROR_CODES[code].status, status, code)
    assert problem.keys() == {"type", "title", "status", "detail", "error", "request_id"}
    assert KEY.encode() not in received


def test_what_was_sent_is_not_logged_either(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer(InvalidHeader(f"X-API-Key {KEY}"))
    assert caplog.messages == ["A request from 192.0.2.1 cannot be read: InvalidHeader"]


def test_a_client_that_has_gone_ends_nothing() -> None:
    near, far = socket.socketpair()
    far.close()
    with near:
        Worker().handle_error(None, near, None, InvalidRequestLine("x"))
