"""What the judge of answers to hostile requests lets pass, and what not."""

from __future__ import annotations

import orjson
import pytest

from tests.bench.hostile.fuzzing.answers import Answer, AnswerJudge

KEY = "gsk_aaaaaaaa_" + "A" * 32 + "_000000"
PROBLEM = {
    "type": "/docs/errors#bad_request",
    "title": "The request cannot be read",
    "status": 400,
    "detail": "The request could not be read.",
    "error": "bad_request",
    "request_id": "r1",
}


def make_answer(status: int = 400, *, body: object = PROBLEM, **headers: str) -> Answer:
    named = {"Content-Type": "application/problem+json", "X-Request-ID": "r1"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "\r\n".join([f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in named.items())]).encode()
    return Answer(status, head, body if isinstance(body, bytes) else orjson.dumps(body))


def judge(answer: Answer, *, makes_secret: bool = False) -> list[str]:
    return list(AnswerJudge(secrets=[b"the-secret"]).list_faults(answer, makes_secret=makes_secret))


@pytest.mark.parametrize(
    "answer",
    [
        make_answer(),
        make_answer(200, body={"predictions": ["Yes"]}),
        make_answer(
            503,
            body={**PROBLEM, "status": 503, "error": "unavailable", "type": "/docs/errors#unavailable"},
            Retry_After="1",
        ),
        Answer(None, b"", b""),
    ],
)
def test_a_documented_answer_passes_and_so_does_none(answer: Answer) -> None:
    assert judge(answer) == []


@pytest.mark.parametrize(
    ("answer", "finding"),
    [
        (make_answer(500), "the server failed: 500"),
        (make_answer(501), "the server failed: 501"),
        (make_answer(503), "503 without Retry-After"),
        (make_answer(429), "429 without Retry-After"),
        (make_answer(Content_Type="text/html"), "is not application/problem+json"),
        (make_answer(body=b"<html>"), "is not JSON"),
        (make_answer(body={"error": "bad_request"}), "has other members"),
        (make_answer(body={**PROBLEM, "extra": 1}), "has other members"),
        (make_answer(body={**PROBLEM, "error": "made_up"}), "unknown code"),
        (make_answer(404), "calls itself 400"),
        (make_answer(body={**PROBLEM, "request_id": "r2"}), "another request id"),
        (make_answer(body={**PROBLEM, "detail": ""}), "says nothing"),
        (make_answer(body={**PROBLEM, "detail": "in /ho" + "me/somebody/app.py"}), "tells of the inside"),
        (make_answer(200, body=b"Traceback (most recent call last)"), "tells of the inside"),
        (make_answer(200, body=b"SELECT id FROM api_keys"), "tells of the inside"),
        (make_answer(200, body=KEY.encode()), "holds an API key"),
        (make_answer(X_Echo=KEY), "holds an API key"),
        (make_answer(200, body=b"... the-secret ..."), "holds a secret"),
        (Answer(200, b"HTTP/1.1 200 OK", b"{}"), "200 without X-Request-ID"),
        (Answer(None, b"", b"", "silent for 30 s"), "no answer: silent for 30 s"),
    ],
)
def test_what_is_wrong_with_an_answer_is_found(answer: Answer, finding: str) -> None:
    assert any(finding in sentence for sentence in judge(answer))


def test_a_key_is_shown_where_it_is_made_and_nowhere_else() -> None:
    made = make_answer(201, body={"key": KEY})
    assert judge(made, makes_secret=True) == []
    assert judge(make_answer(body={**PROBLEM, "detail": KEY}), makes_secret=True) == ["400 holds an API key"]
