"""Addresses that guess, beside callers with good keys behind the same address."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from app.errors import RateLimited, Unauthenticated
from app.security.audit import AuditLog
from app.security.authentication import Authenticator, Credentials
from app.security.keys.store import KeyStore
from app.security.limits.failed_attempts import AddressLimitedAuthenticator
from app.security.limits.windows import MemoryWindows
from app.security.tokens.issuer import TokenIssuer
from app.security.tokens.store import TokenStore
from app.security.tokens.verifier import TokenVerifier
from tests.security.builders import PEPPER, Clock, make_key, make_verifier
from tests.security.tokens.builders import make_signer

LIMIT = 10
ADDRESS = "192.0.2.7"


def make_authenticator(engine: Engine) -> Authenticator:
    tokens = TokenVerifier(make_signer(), TokenStore(engine), KeyStore(engine, PEPPER))
    return Authenticator(make_verifier(engine), tokens, sessions=tokens)


def make_guarded(engine: Engine) -> tuple[AddressLimitedAuthenticator, Clock]:
    clock = Clock()
    authenticator = AddressLimitedAuthenticator(
        make_authenticator(engine), MemoryWindows(clock=clock), failures_per_minute=LIMIT, clock=clock
    )
    return authenticator, clock


def try_key(authenticator: Authenticator | AddressLimitedAuthenticator, key: str | None, address: str = ADDRESS) -> str:
    try:
        authenticator.authenticate(Credentials(api_key=key, address=address))
    except (Unauthenticated, RateLimited) as refusal:
        return refusal.code
    return "let in"


def try_session(authenticator: Authenticator | AddressLimitedAuthenticator, session: str) -> str:
    try:
        authenticator.authenticate(Credentials(session=session, address=ADDRESS))
    except (Unauthenticated, RateLimited) as refusal:
        return refusal.code
    return "let in"


def guess(authenticator: Authenticator | AddressLimitedAuthenticator, times: int) -> list[str]:
    return [try_key(authenticator, f"gsk_aaaaaaaa_{number:032}_000000") for number in range(times)]


def test_an_address_that_fails_too_often_is_refused_unseen(engine: Engine) -> None:
    authenticator, _ = make_guarded(engine)
    assert guess(authenticator, 30) == ["invalid_api_key"] * LIMIT + ["rate_limited"] * 20
    assert authenticator.refusals == 20


def test_without_the_guard_it_may_guess_on(engine: Engine) -> None:
    assert guess(make_authenticator(engine), 30) == ["invalid_api_key"] * 30


def test_other_addresses_are_not_refused(engine: Engine) -> None:
    authenticator, _ = make_guarded(engine)
    guess(authenticator, 30)
    assert try_key(authenticator, "wrong", "192.0.2.8") == "invalid_api_key"
    assert try_key(authenticator, make_key(engine).text, "192.0.2.8") == "let in"


def test_a_key_that_was_good_before_goes_on_from_the_address_of_a_guesser(engine: Engine) -> None:
    authenticator, _ = make_guarded(engine)
    known, new = make_key(engine).text, make_key(engine).text
    assert try_key(authenticator, known) == "let in"
    guess(authenticator, 30)
    assert try_key(authenticator, known) == "let in"
    assert try_key(authenticator, new) == "rate_limited"


def test_a_good_session_does_not_let_others_guess(engine: Engine) -> None:
    authenticator, _ = make_guarded(engine)
    issuer = TokenIssuer(make_signer(), TokenStore(engine), audit=AuditLog(engine))
    good = issuer.issue(make_key(engine).record).text
    assert try_session(authenticator, good) == "let in"
    assert [try_session(authenticator, f"{good}x") for _ in range(30)] == ["invalid_token"] * LIMIT + [
        "rate_limited"
    ] * 20
    assert try_session(authenticator, good) == "let in"


def test_after_the_told_wait_the_address_may_try_again(engine: Engine) -> None:
    authenticator, clock = make_guarded(engine)
    guess(authenticator, 30)
    with pytest.raises(RateLimited) as refusal:
        authenticator.authenticate(Credentials(api_key="wrong", address=ADDRESS))
    seconds = refusal.value.retry_after_seconds
    assert seconds is not None
    clock.seconds += seconds - 2
    assert try_key(authenticator, "wrong") == "rate_limited"
    clock.seconds += 2
    assert try_key(authenticator, "wrong") == "invalid_api_key"


def test_a_request_without_a_key_is_no_guess(engine: Engine) -> None:
    authenticator, _ = make_guarded(engine)
    assert {try_key(authenticator, None) for _ in range(30)} == {"missing_api_key"}
    assert try_key(authenticator, "wrong") == "invalid_api_key"
