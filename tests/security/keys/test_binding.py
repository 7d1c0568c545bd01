"""Keys and their tokens that are bound to networks, from the first credential to the caller."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import Engine

from app.errors import Forbidden, ServiceError
from app.security.audit import AuditLog
from app.security.authentication import Authenticator, Credentials
from app.security.keys.binding import NetworkCheck
from app.security.keys.store import ApiKey, KeyStore
from app.security.keys.verifier import KeyVerifier
from app.security.tokens.issuer import TokenIssuer
from app.security.tokens.store import TokenStore
from app.security.tokens.verifier import TokenVerifier
from tests.security.builders import PEPPER, Clock
from tests.security.tokens.builders import make_signer

INSIDE, OUTSIDE = "10.1.2.3", "203.0.113.7"


class NoCheck(NetworkCheck):
    """What the check is worth is seen without it."""

    def check(self, key: ApiKey, address: str | None) -> None:
        pass


def make_authenticator(engine: Engine, *, networks: NetworkCheck | None = None) -> Authenticator:
    keys = KeyStore(engine, PEPPER)
    return Authenticator(KeyVerifier(keys), TokenVerifier(make_signer(), TokenStore(engine), keys), networks=networks)


def outcome(authenticator: Authenticator, **credentials: str | None) -> str:
    try:
        return authenticator.authenticate(Credentials(**credentials)).key.owner
    except ServiceError as refusal:
        return refusal.code


@pytest.fixture
def key(sqlite_engine: Engine) -> str:
    return KeyStore(sqlite_engine, PEPPER).create("billing", ["predict"], networks=["10.0.0.0/8"]).text


def test_a_bound_key_is_taken_from_its_networks_only(sqlite_engine: Engine, key: str) -> None:
    authenticator = make_authenticator(sqlite_engine)
    assert outcome(authenticator, api_key=key, address=INSIDE) == "billing"
    assert outcome(authenticator, api_key=key, address=OUTSIDE) == "network_not_permitted"
    assert outcome(authenticator, api_key=key, address=None) == "network_not_permitted"


def test_a_token_is_bound_as_its_key_is(sqlite_engine: Engine, key: str) -> None:
    authenticator = make_authenticator(sqlite_engine)
    issuer = TokenIssuer(make_signer(), TokenStore(sqlite_engine), audit=AuditLog(sqlite_engine))
    caller = authenticator.authenticate(Credentials(api_key=key, address=INSIDE))
    bearer = f"Bearer {issuer.issue(caller.key).text}"
    assert outcome(authenticator, authorization=bearer, address=INSIDE) == "billing"
    assert outcome(authenticator, authorization=bearer, address=OUTSIDE) == "network_not_permitted"


def test_without_the_check_a_stolen_key_works_from_everywhere(sqlite_engine: Engine, key: str) -> None:
    assert outcome(make_authenticator(sqlite_engine, networks=NoCheck()), api_key=key, address=OUTSIDE) == "billing"


def test_an_unbound_key_is_taken_from_everywhere(sqlite_engine: Engine) -> None:
    key = KeyStore(sqlite_engine, PEPPER).create("web", ["predict"]).text
    authenticator = make_authenticator(sqlite_engine)
    assert [outcome(authenticator, api_key=key, address=address) for address in (OUTSIDE, "", None)] == ["web"] * 3


def test_the_operator_is_told_once_a_minute_and_every_refusal_is_counted(
    sqlite_engine: Engine, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock, record = Clock(), KeyStore(sqlite_engine, PEPPER).list()[0]
    check = NetworkCheck(clock=clock)
    with caplog.at_level(logging.WARNING):
        for address in (OUTSIDE, OUTSIDE, "evil\nline"):
            with pytest.raises(Forbidden):
                check.check(record, address)
            clock.seconds += 40
    place = "outside of its networks, and refused"
    assert caplog.messages == [
        f"API key {record.id} was used from {OUTSIDE}, {place}",
        f"API key {record.id} was used from an unknown address, {place}",
    ]
    assert check.refusals == 3
