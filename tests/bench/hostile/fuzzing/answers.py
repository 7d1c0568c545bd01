"""Which answers to hostile requests are wrong: a failure of the server, an undocumented shape, a leak."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.api.openapi.error_codes import ERROR_CODES

PROBLEM_MEDIA_TYPE = "application/problem+json"
_MEMBERS = {"type", "title", "status", "detail", "error", "request_id"}
_FIRST_ERROR, _FIRST_FAILURE = 400, 500
# What a server may say of itself when it cannot answer now: overloaded or without a model, and too late.
_DOCUMENTED_FAILURES = {503, 504}
_WITH_RETRY_AFTER = {429, 503}
_NO_BODY = {204, 304}

# What tells of the inside: frames of Python, files of the machine and of installed libraries, statements of SQL.
_INSIDE = re.compile(
    rb"Traceback \(most|File \"[^\"]*\", line|site-packages|/(?:home|tmp|root|usr/lib|proc|etc|var/lib)/\w"
    rb"|\.py[\"',: ]|sqlalchemy|sqlite3\.|psycopg|werkzeug|\bSELECT .{1,80} FROM\b"
)
_KEY = re.compile(rb"gsk_[0-9a-z]{8}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}")


@dataclass(frozen=True)
class Answer:
    """What came back on a connection.

    Attributes:
        status: None when the server closed the connection without an answer.
        head: Status line and headers as they came.
        fault: Why there is no whole answer, if there is none.
    """

    status: int | None
    head: bytes
    body: bytes
    fault: str | None = None

    def find_header(self, name: str) -> str | None:
        for line in self.head.split(b"\r\n")[1:]:
            found, _, value = line.partition(b":")
            if found.strip().lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return None


@dataclass(frozen=True, kw_only=True)
class AnswerJudge:
    """Judges each answer by itself.

    Attributes:
        secrets: What must never come back, whoever asks.
        shows_keys: Whether the route may hand out a key that it has just made.
    """

    secrets: Sequence[bytes] = ()

    def list_faults(
        self, answer: Answer, *, is_head: bool = False, makes_secret: bool = False, is_page: bool = False
    ) -> Iterator[str]:
        """Say what is wrong, one sentence each.

        Args:
            is_head: The request's method was HEAD: there is no body to judge.
            makes_secret: The request asks for a new key or token, which a good answer shows.
            is_page: The route answers people, who read no problem documents.
        """
        if answer.status is None:
            if answer.fault is not None:
                yield f"no answer: {answer.fault}"
            return
        if answer.status >= _FIRST_FAILURE and answer.status not in _DOCUMENTED_FAILURES:
            yield f"the server failed: {answer.status}"
        if answer.status >= _FIRST_ERROR and not (is_page and _is_page(answer)):
            yield from _list_faults_of_shape(answer, is_head=is_head)
        if answer.find_header("X-Request-ID") is None:
            yield f"{answer.status} without X-Request-ID"
        yield from self._list_leaks(answer, makes_secret=makes_secret and answer.status < _FIRST_ERROR)

    def _list_leaks(self, answer: Answer, *, makes_secret: bool) -> Iterator[str]:
        whole = answer.head + b"\r\n\r\n" + answer.body
        if found := _INSIDE.search(whole):
            yield f"{answer.status} tells of the inside: {found.group()!r}"
        if not makes_secret and _KEY.search(whole):
            yield f"{answer.status} holds an API key"
        if any(secret in whole for secret in self.secrets):
            yield f"{answer.status} holds a secret"


def _is_page(answer: Answer) -> bool:
    return (answer.find_header("Content-Type") or "").startswith("text/html")


def _list_faults_of_shape(answer: Answer, *, is_head: bool) -> Iterator[str]:
    if answer.status in _WITH_RETRY_AFTER and not (answer.find_header("Retry-After") or "").isdigit():
        yield f"{answer.status} without Retry-After"
    if (answer.find_header("Content-Type") or "").partition(";")[0] != PROBLEM_MEDIA_TYPE:
        yield f"{answer.status} is not {PROBLEM_MEDIA_TYPE}: {answer.body[:80]!r}"
        return
    if is_head:
        return
    try:
        problem = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        yield f"{answer.status} is not JSON: {answer.body[:80]!r}"
        return
    yield from _list_faults_of_problem(answer, problem)


def _list_faults_of_problem(answer: Answer, problem: Any) -> Iterator[str]:
    if not isinstance(problem, dict) or problem.keys() - {"errors"} != _MEMBERS:
        yield f"{answer.status} has other members than a problem document: {answer.body[:200]!r}"
        return
    known = ERROR_CODES.get(problem["error"])
    if known is None or problem["type"] != f"/docs/errors#{problem['error']}":
        yield f"{answer.status} has the unknown code {problem['error']!r}"
    if problem["status"] != answer.status or (known is not None and known.status not in (answer.status, None)):
        yield f"{answer.status} calls itself {problem['status']} {problem['error']}"
    if problem["request_id"] != answer.find_header("X-Request-ID"):
        yield f"{answer.status} has another request id in its body than in its header"
    if not all(isinstance(problem[name], str) and problem[name] for name in ("title", "detail")):
        yield f"{answer.status} says nothing"
