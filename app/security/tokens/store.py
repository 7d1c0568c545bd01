"""What the database knows of tokens: the ids of the keys that sign them, and which of them are revoked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.database import revoked_tokens, token_signing_keys
from app.errors import Conflict
from app.security.keys.store import now_in_utc
from app.security.lookups import open_transaction
from app.security.tokens.claims import CLOCK_LEEWAY_SECONDS, MAX_LIFETIME_SECONDS
from app.security.tokens.signing import SignedToken, make_signing_key_id

LONGEST_VALIDITY = timedelta(seconds=MAX_LIFETIME_SECONDS + CLOCK_LEEWAY_SECONDS)
MAX_REVOCATIONS_PER_KEY = 10_000
_ANY_KEY = ""


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A key that signs tokens, or did until it was replaced. What it signed ends with it.

    Attributes:
        ends_at: None for the one that signs now.
    """

    id: str
    created_at: datetime
    ends_at: datetime | None = None


class TokenStore:
    """The signing keys' ids and the list of revocations. Of the keys themselves nothing is kept.

    Every method raises KeysUnavailable when the database does not answer.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = now_in_utc) -> None:
        self._engine = engine
        self.now = clock

    def require_signing_key(self) -> SigningKey:
        """Return the key that signs now; the first that is asked for is made."""
        with open_transaction(self._engine) as connection:
            return _select_current(connection) or self._insert_key(connection)

    def rotate(self, *, end_tokens: bool = False) -> SigningKey:
        """Make a new signing key.

        Args:
            end_tokens: End all tokens now; else those that were made live as long as they would have.
        """
        ends_at = self.now() + (timedelta(0) if end_tokens else LONGEST_VALIDITY)
        keys = token_signing_keys
        with open_transaction(self._engine) as connection:
            # A key replaced before, which still waits for its end, is brought to it too when all tokens have to end.
            open_end = or_(keys.c.ends_at.is_(None), keys.c.ends_at > ends_at)
            connection.execute(update(keys).where(open_end).values(ends_at=ends_at))
            connection.execute(delete(keys).where(keys.c.ends_at <= self.now()))
            return self._insert_key(connection)

    def list_signing_keys(self) -> tuple[SigningKey, ...]:
        """Return the keys whose tokens are taken, the newest first."""
        keys = token_signing_keys
        good = or_(keys.c.ends_at.is_(None), keys.c.ends_at > self.now())
        with open_transaction(self._engine) as connection:
            rows = connection.execute(select(keys).where(good).order_by(keys.c.created_at.desc(), keys.c.id)).all()
        return tuple(SigningKey(**row._mapping) for row in rows)

    def is_revoked(self, token: SignedToken) -> bool:
        """Tell whether the token, or the key that it is signed with, has been ended."""
        keys, revoked = token_signing_keys, revoked_tokens
        is_good_key = or_(keys.c.ends_at.is_(None), keys.c.ends_at > self.now())
        good_key = select(keys.c.id).where(keys.c.id == token.signing_key_id, is_good_key).exists()
        revocation = (
            select(revoked.c.token_id)
            .where(revoked.c.token_id == token.claims.id, revoked.c.key_id.in_((_ANY_KEY, token.claims.key_id)))
            .exists()
        )
        with open_transaction(self._engine) as connection:
            return not connection.execute(select(good_key & ~revocation)).scalar_one()

    def revoke(self, token_id: str, *, key_id: str | None) -> None:
        """Revoke a token; one that is revoked already stays so.

        Args:
            key_id: The API key that the token has to belong to; for None it is revoked whosever it is.

        Raises:
            Conflict: when the key has as many revocations open as it may.
        """
        values = {"token_id": token_id, "key_id": key_id or _ANY_KEY, "ends_at": self.now() + LONGEST_VALIDITY}
        with open_transaction(self._engine) as connection:
            # No token outlives the time after which its revocation is forgotten.
            connection.execute(delete(revoked_tokens).where(revoked_tokens.c.ends_at <= self.now()))
            if key_id is not None:
                _check_not_too_many(connection, key_id)
            try:
                with connection.begin_nested():
                    connection.execute(insert(revoked_tokens).values(values))
            except IntegrityError:
                return

    def _insert_key(self, connection: Connection) -> SigningKey:
        key = SigningKey(id=make_signing_key_id(), created_at=self.now())
        connection.execute(insert(token_signing_keys).values(vars(key)))
        return key


def _select_current(connection: Connection) -> SigningKey | None:
    keys = token_signing_keys
    # Several processes may each have made the first one: all of them choose the same.
    newest = select(keys).where(keys.c.ends_at.is_(None)).order_by(keys.c.created_at.desc(), keys.c.id).limit(1)
    row = connection.execute(newest).one_or_none()
    return None if row is None else SigningKey(**row._mapping)


def _check_not_too_many(connection: Connection, key_id: str) -> None:
    count = select(func.count()).select_from(revoked_tokens).where(revoked_tokens.c.key_id == key_id)
    if connection.execute(count).scalar_one() >= MAX_REVOCATIONS_PER_KEY:
        raise Conflict(
            f"This key has revoked {MAX_REVOCATIONS_PER_KEY} tokens within an hour; revoke the key to end them all.",
            code="too_many_revocations",
        )
