"""Checking presented tokens: how soon an end counts, and what happens without a database."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from app.database import create_tables, opened_database
from app.errors import KeysUnavailable, ServiceError, Unauthenticated
from app.security.audit import AuditLog
from app.security.keys.store import KeyStore, NewKey
from app.security.lookups import Lookups
from app.security.tokens.issuer import NewToken, TokenIssuer
from app.security.tokens.store import TokenStore
from app.security.tokens.verifier import TokenVerifier
from tests.security.builders import PEPPER, Clock, make_key
from tests.security.tokens.builders import make_claims, make_signer


@dataclass
class Installation:
    """One database with a key, and the clock by which verifiers count how old their memory is."""

    engine: Engine
    key: NewKey
    clock: Clock

    def make_verifier(self, *, cache_seconds: float = 0.5, max_cached_tokens: int = 10_000) -> TokenVerifier:
        return TokenVerifier(
            make_signer(),
            TokenStore(self.engine),
            KeyStore(self.engine, PEPPER),
            lookups=Lookups(clock=self.clock),
            cache_seconds=cache_seconds,
            max_cached_tokens=max_cached_tokens,
            clock=self.clock,
        )

    @property
    def issuer(self) -> TokenIssuer:
        return TokenIssuer(make_signer(), TokenStore(self.engine), audit=AuditLog(self.engine))

    def issue(self) -> NewToken:
        return self.issuer.issue(self.key.record)


@pytest.fixture
def installation(engine: Engine) -> Installation:
    return Installation(engine, make_key(engine), Clock())


@pytest.fixture
def breakable(tmp_path: Path) -> Iterator[tuple[Installation, Callable[[], None]]]:
    """An installation, and what takes its database away."""
    with opened_database(f"sqlite:///{tmp_path}/keys.db") as engine:
        create_tables(engine)
        yield Installation(engine, make_key(engine), Clock()), lambda: os.truncate(tmp_path / "keys.db", 0)


def refusal_of(verifier: TokenVerifier, text: str) -> ServiceError:
    with pytest.raises(ServiceError) as refusal:
        verifier.verify(text)
    return refusal.value


def end_by_token(installation: Installation, token: NewToken) -> None:
    installation.issuer.revoke(token.claims.id, key_id=None, by="tests")


def end_by_key(installation: Installation, token: NewToken) -> None:
    KeyStore(installation.engine, PEPPER).revoke(token.claims.key_id)


def end_by_signing_key(installation: Installation, token: NewToken) -> None:
    installation.issuer.rotate(end_tokens=True, by="tests")


def test_a_good_token_has_its_key_and_its_permissions(installation: Installation) -> None:
    token, verifier = installation.issue(), installation.make_verifier()

    for _ in range(2):
        verified = verifier.verify(token.text)
        assert verified.claims == token.claims
        assert verified.key == installation.key.record
        assert verified.permissions == {"predict"}


@pytest.mark.parametrize("end", [end_by_token, end_by_key, end_by_signing_key])
def test_whatever_ends_a_token_every_worker_sees_it_within_half_a_second(
    installation: Installation, end: Callable[[Installation, NewToken], None]
) -> None:
    token = installation.issue()
    verifier, unaware = installation.make_verifier(), installation.make_verifier(cache_seconds=10**6)
    verifier.verify(token.text)
    unaware.verify(token.text)
    end(installation, token)

    installation.clock.seconds += 0.5

    refusal = refusal_of(verifier, token.text)
    assert isinstance(refusal, Unauthenticated)
    assert (refusal.code, refusal.detail) == ("invalid_token", "The token is not valid.")
    assert refusal_of(installation.make_verifier(), token.text).code == "invalid_token"
    assert unaware.verify(token.text).claims == token.claims, "without the limit on its memory it would go on"


def test_a_rotation_leaves_tokens_alone(installation: Installation) -> None:
    old = installation.issue()
    installation.issuer.rotate(end_tokens=False, by="tests")
    new, verifier = installation.issue(), installation.make_verifier()

    assert verifier.verify(old.text).claims == old.claims
    assert verifier.verify(new.text).claims == new.claims


def test_a_permission_that_the_key_has_lost_is_lost_to_its_tokens(installation: Installation) -> None:
    signing_key = TokenStore(installation.engine).require_signing_key()
    claims = make_claims(key_id=installation.key.record.id, permissions=("admin", "predict"))

    verified = installation.make_verifier().verify(make_signer().sign(claims, signing_key.id))

    assert verified.permissions == {"predict"}


def test_without_a_right_signature_the_database_is_not_asked(installation: Installation) -> None:
    statements: list[str] = []
    event.listen(installation.engine, "before_cursor_execute", lambda *values: statements.append(values[2]))
    text = make_signer("another-secret-of-at-least-32-characters").sign(make_claims(), "0123456789abcdef")

    assert refusal_of(installation.make_verifier(), text).code == "invalid_token"
    assert statements == []


def test_a_token_is_looked_up_once_while_memory_counts(installation: Installation) -> None:
    token, verifier = installation.issue(), installation.make_verifier()
    statements: list[str] = []
    event.listen(installation.engine, "before_cursor_execute", lambda *values: statements.append(values[2]))
    verifier.verify(token.text)
    asked = len(statements)
    for _ in range(100):
        verifier.verify(token.text)

    assert asked == len(statements) == 2


def test_a_token_that_was_ended_is_not_looked_up_time_and_again(installation: Installation) -> None:
    token, verifier = installation.issue(), installation.make_verifier()
    end_by_token(installation, token)
    statements: list[str] = []
    event.listen(installation.engine, "before_cursor_execute", lambda *values: statements.append(values[2]))
    for _ in range(100):
        refusal_of(verifier, token.text)

    assert len(statements) == 1


def test_memory_is_bounded_and_who_falls_out_of_it_is_looked_up_again(installation: Installation) -> None:
    tokens, verifier = [installation.issue() for _ in range(4)], installation.make_verifier(max_cached_tokens=2)

    for token in tokens * 2:
        assert verifier.verify(token.text).claims == token.claims


class TestWithoutADatabase:
    def test_a_known_token_goes_on_and_an_unknown_one_is_told_to_come_back(
        self, breakable: tuple[Installation, Callable[[], None]]
    ) -> None:
        installation, break_database = breakable
        known, unknown, verifier = installation.issue(), installation.issue(), installation.make_verifier()
        verifier.verify(known.text)
        break_database()

        for second in range(10, 301, 10):
            installation.clock.seconds = 1000.0 + second
            assert verifier.verify(known.text).claims == known.claims
        assert verifier.stale_answers == 30
        assert isinstance(refusal_of(verifier, unknown.text), KeysUnavailable)
        installation.clock.seconds = 1301.0
        assert isinstance(refusal_of(verifier, known.text), KeysUnavailable)

    def test_a_token_known_to_be_revoked_does_not_come_back(
        self, breakable: tuple[Installation, Callable[[], None]]
    ) -> None:
        installation, break_database = breakable
        token, verifier = installation.issue(), installation.make_verifier(cache_seconds=0)
        verifier.verify(token.text)
        end_by_token(installation, token)
        assert refusal_of(verifier, token.text).code == "invalid_token"
        break_database()

        assert refusal_of(verifier, token.text).code == "invalid_token"

    def test_a_hostile_token_is_refused_as_ever(self, breakable: tuple[Installation, Callable[[], None]]) -> None:
        installation, break_database = breakable
        break_database()

        assert refusal_of(installation.make_verifier(), "a.b.c").code == "invalid_token"

    def test_no_token_is_made(self, breakable: tuple[Installation, Callable[[], None]]) -> None:
        installation, break_database = breakable
        break_database()

        with pytest.raises(KeysUnavailable):
            installation.issue()
