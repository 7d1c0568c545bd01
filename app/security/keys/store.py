"""API keys in the database: made, listed, found, revoked. Only HMACs of their secrets are kept."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, insert, or_, select, update

from app.database import DATABASE_FAILURES, api_keys
from app.errors import BadRequest, Conflict, KeysUnavailable, NotFound
from app.security.keys.format import KeyText, is_key_id, make_key_text
from app.security.keys.networks import read_networks
from app.security.keys.terms import KeyTerms, check_lifetime, check_terms, terms_of

MAX_OVERLAP = timedelta(days=90)
BETWEEN_USES_KEPT = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class ApiKey(KeyTerms):
    """What is known of a key, without its secret. Times are in UTC.

    Attributes:
        last_used_at: To the minute; None before the first use.
        replaced_by: The id of the key that a rotation made in its place.
    """

    id: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    replaced_by: str | None = None

    def state_at(self, now: datetime) -> Literal["active", "expired", "revoked"]:
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


@dataclass(frozen=True)
class NewKey:
    """A key just made. Its text holds the secret, which can be read here and nowhere else."""

    record: ApiKey
    text: str = field(repr=False)


def now_in_utc() -> datetime:
    return datetime.now(timezone.utc)


class KeyStore:
    """The keys in the database. Of a secret it keeps HMAC-SHA256(pepper, secret): 190 random bits need no slow hash.

    Every method raises KeysUnavailable when the database does not answer.
    """

    def __init__(self, engine: Engine, pepper: str, *, clock: Callable[[], datetime] = now_in_utc) -> None:
        self._engine = engine
        self._pepper = pepper.encode()
        self.now = clock

    def create(
        self,
        owner: str,
        permissions: Iterable[str],
        expires_in: timedelta | None = None,
        *,
        requests_per_minute: int | None = None,
        rows_per_minute: int | None = None,
        networks: Iterable[str] = (),
    ) -> NewKey:
        """Make a key and keep it.

        Raises:
            BadRequest: for an unusable owner, permission, lifetime, limit or network.
        """
        terms = check_terms(
            owner=owner,
            permissions=permissions,
            requests_per_minute=requests_per_minute,
            rows_per_minute=rows_per_minute,
            networks=networks,
        )
        lifetime = None if expires_in is None else check_lifetime(expires_in)
        with self._transaction() as connection:
            return self._insert(connection, terms, lifetime)

    def list(self) -> tuple[ApiKey, ...]:
        """Return all keys, revoked and expired ones too, oldest first."""
        with self._transaction() as connection:
            rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)).all()
        return tuple(_read_record(row) for row in rows)

    def find(self, id: str) -> ApiKey | None:
        row = self._select(id) if is_key_id(id) else None
        return None if row is None else _read_record(row)

    def find_by_text(self, text: KeyText) -> ApiKey | None:
        """Return the key with this id and this secret, whatever its state.

        It is looked for by what is kept of its secret, not by its id: to find a row and then compare takes longer than
        to find none, and would tell a guesser which ids exist.
        """
        with self._transaction() as connection:
            found = select(api_keys).where(api_keys.c.secret_hmac == self._hmac(text))
            row = connection.execute(found).one_or_none()
        return _read_record(row) if row is not None and row.id == text.id else None

    def revoke(self, id: str) -> ApiKey:
        """Revoke a key for good; a key revoked before keeps its time.

        Raises:
            NotFound: when there is no such key.
        """
        if is_key_id(id):
            unrevoked = update(api_keys).where(api_keys.c.id == id, api_keys.c.revoked_at.is_(None))
            with self._transaction() as connection:
                connection.execute(unrevoked.values(revoked_at=self.now()))
        return self.require(id)

    def require(self, id: str) -> ApiKey:
        """Return the key with this id.

        Raises:
            NotFound
        """
        record = self.find(id)
        if record is None:
            raise NotFound("There is no API key with this id.", code="key_not_found")
        return record

    def rotate(self, id: str, overlap: timedelta) -> tuple[ApiKey, NewKey]:
        """Make a key with the same terms and lifetime; the old one ends after the overlap. Return both.

        Raises:
            BadRequest: for an impossible overlap.
            NotFound: when there is no such key.
            Conflict: when the key is not active, or was rotated before.
        """
        if not timedelta(0) <= overlap <= MAX_OVERLAP:
            raise BadRequest(f"Keys overlap for 0 to {MAX_OVERLAP.days} days.", code="invalid_overlap")
        old = self.require(id)
        if old.state_at(self.now()) != "active":
            raise Conflict(f"The key {id} is {old.state_at(self.now())}; create a new one.", code="key_not_active")
        lifetime = None if old.expires_at is None else old.expires_at - old.created_at
        with self._transaction() as connection:
            new = self._insert(connection, terms_of(old), lifetime)
            self._replace(connection, old, new.record, overlap)
        return self.require(id), new

    def record_use(self, id: str, at: datetime) -> None:
        """Keep when a key was used, unless a use less than a minute before is kept already."""
        is_news = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at <= at - BETWEEN_USES_KEPT)
        with self._transaction() as connection:
            connection.execute(update(api_keys).where(api_keys.c.id == id, is_news).values(last_used_at=at))

    def _replace(self, connection: Connection, old: ApiKey, new: ApiKey, overlap: timedelta) -> None:
        end = self.now() + overlap
        expires_at = end if old.expires_at is None else min(old.expires_at, end)
        # In the statement and not only before it: of two rotations at once, one wins.
        untouched = (api_keys.c.id == old.id, api_keys.c.replaced_by.is_(None), api_keys.c.revoked_at.is_(None))
        replaced = update(api_keys).where(*untouched).values(expires_at=expires_at, replaced_by=new.id)
        if connection.execute(replaced).rowcount == 0:
            sentence = f"The key {old.id} was rotated before; rotate the key that replaced it."
            raise Conflict(sentence, code="key_already_rotated")

    def _insert(self, connection: Connection, terms: KeyTerms, lifetime: timedelta | None) -> NewKey:
        text, now = make_key_text(), self.now()
        expires_at = None if lifetime is None else now + lifetime
        record = ApiKey(**vars(terms), id=text.id, created_at=now, expires_at=expires_at)
        values = {
            **vars(record),
            "permissions": json.dumps(sorted(record.permissions)),
            "networks": json.dumps([str(network) for network in record.networks]),
            "secret_hmac": self._hmac(text),
        }
        connection.execute(insert(api_keys).values(values))
        return NewKey(record, str(text))

    def _select(self, id: str) -> Row[Any] | None:
        with self._transaction() as connection:
            return connection.execute(select(api_keys).where(api_keys.c.id == id)).one_or_none()

    def _hmac(self, text: KeyText) -> str:
        return hmac.digest(self._pepper, text.secret.encode(), "sha256").hex()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except DATABASE_FAILURES as fault:
            raise KeysUnavailable("API keys cannot be checked at the moment; try again in a few seconds.") from fault


def _read_record(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        owner=row.owner,
        permissions=frozenset(json.loads(row.permissions)),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        requests_per_minute=row.requests_per_minute,
        rows_per_minute=row.rows_per_minute,
        networks=read_networks(json.loads(row.networks or "[]")),
        last_used_at=row.last_used_at,
        replaced_by=row.replaced_by,
    )
