from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.front.doorman.heads import RequestStart, read_start

HEAD = b"POST /predict HTTP/1.1\r\nHost: a\r\n"


def test_what_the_doorman_has_to_know_is_found() -> None:
    head = HEAD + b"x-request-id: order-17\r\nX-Request-Timeout-Ms:250\r\nContent-Length: 12\r\n\r\n"
    assert read_start(head + b'{"data":') == RequestStart(False, "order-17", 250, len(head) + 12)


@pytest.mark.parametrize(
    ("start", "is_health"),
    [
        (b"GET /health HTTP/1.1\r\n", True),
        (b"HEAD /health/live HTTP/1.1\r\n", True),
        (b"GET /ping HTTP/1.1\r\n", True),
        (b"POST /health HTTP/1.1\r\n", False),
        (b"GET /model/info?/health HTTP/1.1\r\n", False),
        (b"\x16\x03\x01", False),
    ],
)
def test_health_is_known_by_its_address(start: bytes, is_health: bool) -> None:
    assert read_start(start).is_health is is_health


@pytest.mark.parametrize(
    "line",
    [b"X-Request-ID: a b\r\n", b"X-Request-ID: \xff\r\n", b"X-Request-ID: \r\n", b"X-Request-Timeout-Ms: soon\r\n"],
)
def test_what_is_not_sane_is_left_to_the_application(line: bytes) -> None:
    assert read_start(HEAD + line + b"\r\n") == RequestStart(False, None, None, len(HEAD + line) + 2)


def test_a_field_of_the_body_is_no_header() -> None:
    assert read_start(HEAD + b"\r\n\r\nX-Request-ID: body\r\n").request_id is None


def test_of_a_head_that_has_not_ended_more_is_expected() -> None:
    assert read_start(HEAD).expected_bytes > len(HEAD)


@given(st.binary(max_size=300))
def test_whatever_is_sent_is_read(received: bytes) -> None:
    assert read_start(received).expected_bytes >= 0
