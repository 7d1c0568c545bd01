"""Claims: what ours say is read, and nothing that says less, more or otherwise."""

from __future__ import annotations

import time
from typing import Any

import pytest

from app.security.permissions import PERMISSIONS
from app.security.tokens.claims import CLAIM_NAMES, CLOCK_LEEWAY_SECONDS, MAX_LIFETIME_SECONDS, read_claims
from tests.security.tokens.builders import make_claims


def test_what_ours_say_is_read_again() -> None:
    now = int(time.time())
    claims = make_claims(permissions=tuple(sorted(PERMISSIONS)), issued_at=now, expires_at=now + MAX_LIFETIME_SECONDS)

    assert tuple(claims.to_document()) == CLAIM_NAMES
    assert read_claims(claims.to_document()) == claims


@pytest.mark.parametrize("name", CLAIM_NAMES)
def test_no_claim_may_be_missing(name: str) -> None:
    document = make_claims().to_document()
    del document[name]

    assert read_claims(document) is None


@pytest.mark.parametrize(
    "change",
    [
        {"admin": True},
        {"nbf": 0},
        {"iss": "somebody"},
        {"aud": "somebody"},
        {"aud": ["gluonserve"]},
        {"sub": "too-long-for-a-key"},
        {"jti": "short"},
        {"iat": True},
        {"exp": 2e9},
        {"exp": 0},
        {"permissions": ["predict", "predict"]},
        {"permissions": ["root"]},
        {"permissions": []},
        {"permissions": ("predict",)},
    ],
)
def test_nothing_may_be_added_or_otherwise(change: dict[str, Any]) -> None:
    assert read_claims({**make_claims().to_document(), **change}) is None


def test_claims_count_from_their_second_on_until_the_second_they_end() -> None:
    claims = make_claims(issued_at=1000, expires_at=1010)

    assert claims.is_current(1000)
    assert claims.is_current(1009.999)
    assert not claims.is_current(1010)
    assert claims.is_current(1000 - CLOCK_LEEWAY_SECONDS), "the clock of another machine may be behind"
    assert not claims.is_current(1000 - CLOCK_LEEWAY_SECONDS - 0.001)
