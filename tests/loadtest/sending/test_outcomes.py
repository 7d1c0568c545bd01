"""Names of what became of requests."""

from __future__ import annotations

import errno
import ssl

import orjson
import pytest

from app.loadtest.sending.connection import Answer, AnswerCutOff, NoAnswer, NotHttp
from app.loadtest.sending.outcomes import Kinds, name_answer, name_fault


@pytest.mark.parametrize("status", [200, 201, 204])
def test_an_answer_in_the_two_hundreds_is_a_success(status: int) -> None:
    assert name_answer(Answer(status, b"")) == "success"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (orjson.dumps({"error": "overloaded"}), "503 overloaded"),
        (b"<html>busy</html>", "503"),
        (b"[]", "503"),
        (orjson.dumps({"error": {"code": 1}}), "503"),
        (orjson.dumps({"error": "<script>alert(1)</script>"}), "503"),
        (orjson.dumps({"error": "x" * 65}), "503"),
    ],
)
def test_another_answer_has_the_name_of_its_status_and_its_stable_code(body: bytes, name: str) -> None:
    assert name_answer(Answer(503, body)) == name


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (TimeoutError(), "timeout"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connection refused"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "connection reset"),
        (NoAnswer(), "connection closed without an answer"),
        (AnswerCutOff(), "connection closed before the whole answer"),
        (NotHttp(), "answer is not HTTP"),
        (ssl.SSLCertVerificationError(1, "x"), "certificate not accepted"),
        (ssl.SSLError(1, "x"), "TLS failed"),
        (OSError(errno.EADDRNOTAVAIL, "x"), "no local port left"),
        (OSError(errno.EHOSTUNREACH, "x"), "connection failed: EHOSTUNREACH"),
    ],
)
def test_a_fault_has_a_name_that_tells_what_happened(fault: OSError, name: str) -> None:
    assert name_fault(fault) == name


def test_a_server_that_invents_codes_does_not_fill_the_memory() -> None:
    kinds = Kinds()
    numbers = [kinds.number(f"500 code_{number}") for number in range(1000)]
    assert kinds.number("success") == 0
    assert len(kinds.names) == 100
    assert {kinds.names[number] for number in numbers[200:]} == {"other"}
