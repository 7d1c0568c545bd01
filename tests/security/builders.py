"""Keys, clocks and verifiers for the tests of API keys."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine

from app.errors import ServiceError, Unauthenticated
from app.security.keys.store import KeyStore, NewKey
from app.security.keys.verifier import KeyVerifier

PEPPER = "pepper-of-the-tests-32-characters"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def utc(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=self.seconds)


def make_key(engine: Engine, *, owner: str = "billing", lifetime: timedelta | None = None) -> NewKey:
    return KeyStore(engine, PEPPER).create(owner, ["predict"], lifetime)


def make_verifier(engine: Engine, *, cache_seconds: float = 0.5) -> KeyVerifier:
    return KeyVerifier(KeyStore(engine, PEPPER), cache_seconds=cache_seconds)


def refusal_of(verifier: KeyVerifier, text: str | None) -> ServiceError:
    with pytest.raises(ServiceError) as refusal:
        verifier.verify(text)
    return refusal.value


def seconds_until_refused(verifier: KeyVerifier, text: str) -> float:
    started = time.monotonic()
    while time.monotonic() - started < 10:
        try:
            verifier.verify(text)
        except Unauthenticated:
            break
        time.sleep(0.005)
    return time.monotonic() - started


def is_admitted(verifier: KeyVerifier, text: str) -> bool:
    try:
        verifier.verify(text)
    except ServiceError:
        return False
    return True
