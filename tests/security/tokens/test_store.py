"""Signing keys and revocations, on SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select

from app.database import opened_database, revoked_tokens, token_signing_keys
from app.errors import Conflict, KeysUnavailable
from app.security.tokens.signing import SignedToken
from app.security.tokens.store import LONGEST_VALIDITY, MAX_REVOCATIONS_PER_KEY, SigningKey, TokenStore
from tests.security.builders import Clock
from tests.security.tokens.builders import make_claims

HOUR = 3600


def sign_by(key: SigningKey, **changes: object) -> SignedToken:
    return SignedToken(make_claims(**changes), key.id)


class TestSigningKeys:
    def test_the_first_is_made_when_it_is_asked_for_and_stays(self, engine: Engine) -> None:
        store = TokenStore(engine)
        assert store.list_signing_keys() == ()
        first = store.require_signing_key()
        assert TokenStore(engine).require_signing_key() == first
        assert store.list_signing_keys() == (first,)
        assert first.ends_at is None

    def test_processes_that_make_the_first_at_once_agree_afterwards(self, engine: Engine) -> None:
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda _: TokenStore(engine).require_signing_key(), range(8)))
        chosen = TokenStore(engine).require_signing_key()
        assert chosen in made
        assert not any(TokenStore(engine).is_revoked(sign_by(key)) for key in made)

    def test_after_a_rotation_older_tokens_live_as_long_as_they_would_have(self, engine: Engine) -> None:
        clock = Clock()
        store = TokenStore(engine, clock=clock.utc)
        old = store.require_signing_key()
        clock.seconds += 1
        new = store.rotate()
        assert store.require_signing_key() == new != old
        assert [key.id for key in store.list_signing_keys()] == [new.id, old.id]
        clock.seconds += HOUR
        assert not store.is_revoked(sign_by(old))
        clock.seconds += 30
        assert store.is_revoked(sign_by(old))
        assert not store.is_revoked(sign_by(new))
        assert store.list_signing_keys() == (new,)

    def test_a_rotation_may_end_all_tokens_at_once(self, engine: Engine) -> None:
        store = TokenStore(engine)
        oldest = store.require_signing_key()
        old = store.rotate()
        new = store.rotate(end_tokens=True)
        assert [store.is_revoked(sign_by(key)) for key in (oldest, old, new)] == [True, True, False]

    def test_a_rotation_does_not_lengthen_what_ends_already(self, engine: Engine) -> None:
        clock = Clock()
        store = TokenStore(engine, clock=clock.utc)
        old = store.require_signing_key()
        store.rotate()
        clock.seconds += HOUR / 2
        store.rotate()
        clock.seconds += HOUR / 2 + 30
        assert store.is_revoked(sign_by(old))

    def test_keys_that_have_ended_are_forgotten_at_the_next_rotation(self, engine: Engine) -> None:
        clock = Clock()
        store = TokenStore(engine, clock=clock.utc)
        for _ in range(5):
            store.rotate()
            clock.seconds += 2 * HOUR
        with engine.begin() as connection:
            kept = connection.execute(select(func.count()).select_from(token_signing_keys)).scalar_one()
        assert kept == 2

    def test_a_key_that_was_never_made_signs_nothing(self, engine: Engine) -> None:
        never = SigningKey(id="0123456789abcdef", created_at=TokenStore(engine).now())
        assert TokenStore(engine).is_revoked(sign_by(never))

    def test_nothing_in_the_database_signs(self, engine: Engine) -> None:
        TokenStore(engine).require_signing_key()
        assert {column.name for column in token_signing_keys.columns} == {"id", "created_at", "ends_at"}


class TestRevocations:
    def test_a_revoked_token_is_revoked_for_every_process_and_no_other_is(self, engine: Engine) -> None:
        store = TokenStore(engine)
        key = store.require_signing_key()
        token, other = sign_by(key), sign_by(key)
        assert not store.is_revoked(token)
        store.revoke(token.claims.id, key_id=token.claims.key_id)
        assert TokenStore(engine).is_revoked(token)
        assert not TokenStore(engine).is_revoked(other)

    def test_a_token_is_revoked_twice_with_the_same_result(self, engine: Engine) -> None:
        store = TokenStore(engine)
        token = sign_by(store.require_signing_key())
        for _ in range(2):
            store.revoke(token.claims.id, key_id=token.claims.key_id)
        assert store.is_revoked(token)

    def test_a_key_revokes_no_token_of_another_key(self, engine: Engine) -> None:
        store = TokenStore(engine)
        token = sign_by(store.require_signing_key())
        store.revoke(token.claims.id, key_id="stranger")
        assert not store.is_revoked(token)
        store.revoke(token.claims.id, key_id=None)
        assert store.is_revoked(token)

    def test_a_revocation_is_kept_as_long_as_its_token_could_live(self, engine: Engine) -> None:
        clock = Clock()
        store = TokenStore(engine, clock=clock.utc)
        token = sign_by(store.require_signing_key())
        store.revoke(token.claims.id, key_id=None)
        clock.seconds += LONGEST_VALIDITY.total_seconds() - 1
        store.revoke("B" * 22, key_id=None)
        assert store.is_revoked(token)
        clock.seconds += 1
        store.revoke("C" * 22, key_id=None)
        with engine.begin() as connection:
            kept = connection.execute(select(revoked_tokens.c.token_id)).scalars().all()
        assert sorted(kept) == ["B" * 22, "C" * 22]

    def test_nobody_fills_the_list(self, sqlite_engine: Engine) -> None:
        store = TokenStore(sqlite_engine)
        ends_at = store.now() + timedelta(hours=1)
        rows = [
            {"token_id": f"{number:022}", "key_id": "abcd1234", "ends_at": ends_at}
            for number in range(MAX_REVOCATIONS_PER_KEY)
        ]
        with sqlite_engine.begin() as connection:
            connection.execute(insert(revoked_tokens), rows)
        with pytest.raises(Conflict, match="10000 tokens") as refusal:
            store.revoke("A" * 22, key_id="abcd1234")
        assert refusal.value.code == "too_many_revocations"
        store.revoke("A" * 22, key_id="other123")
        store.revoke("A" * 22, key_id=None)


def test_without_a_database_everything_is_unavailable(tmp_path: Path) -> None:
    with opened_database(f"sqlite:///{tmp_path}/empty.db") as engine:
        store = TokenStore(engine)
        token = SignedToken(make_claims(), "0123456789abcdef")
        for call in (
            store.require_signing_key,
            store.rotate,
            store.list_signing_keys,
            lambda: store.is_revoked(token),
            lambda: store.revoke("A" * 22, key_id=None),
        ):
            with pytest.raises(KeysUnavailable):
                call()
