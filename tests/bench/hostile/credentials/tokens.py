"""Hostile tokens over HTTP, with the time that the server takes over each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median

import orjson

from tests.bench.hostile.fuzzing.answers import AnswerJudge
from tests.bench.hostile.fuzzing.exchange import Attack, Target
from tests.bench.hostile.fuzzing.requests import write_request
from tests.security.tokens.hostile import HOSTILE, Forge

UNAUTHORIZED = 401
# A head that is longer than a server reads is refused before anybody looks at the token.
TOO_LONG = (400, 431)
LONGEST_HEAD_BYTES = 8000
MOST_MS = 5.0


@dataclass(frozen=True)
class TokenResult:
    """Of one token: what it was answered, and the time from connecting to the last byte.

    Attributes:
        milliseconds: The shortest of all sendings: what else the machine does meanwhile only adds to it.
        median_milliseconds: The middle one.
    """

    name: str
    length: int
    status: int | None
    code: str | None
    milliseconds: float
    median_milliseconds: float
    faults: list[str]


def send_hostile_tokens(
    target: Target, forge: Forge, judge: AnswerJudge, *, times: int, tokens: Mapping[str, str] | None = None
) -> Iterator[TokenResult]:
    chosen = {name: make(forge) for name, make in HOSTILE.items()} if tokens is None else tokens
    for name, token in chosen.items():
        headers = [("Authorization", f"Bearer {token}")]
        attack = Attack(kind="tokens", payload=write_request("GET", "/model/info", b"", headers=headers))
        taken = []
        for _ in range(times):
            began = time.perf_counter()
            answer = target.send(attack)
            taken.append((time.perf_counter() - began) * 1000)
        problem = orjson.loads(answer.body) if answer.body.startswith(b"{") else {}
        faults = list(judge.list_faults(answer))
        yield TokenResult(name, len(token), answer.status, problem.get("error"), min(taken), median(taken), faults)


def is_refused(result: TokenResult) -> bool:
    """Whether a token got what every bad token gets."""
    if result.length > LONGEST_HEAD_BYTES and result.status in TOO_LONG:
        return True
    return result.status == UNAUTHORIZED and result.code in ("invalid_token", "missing_api_key")
