"""How a presented token is checked: by its signature first, then against the database, and for a while from memory."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.errors import Unauthenticated
from app.security.confirmed import Confirmations
from app.security.keys.store import ApiKey, KeyStore
from app.security.lookups import Lookups
from app.security.permissions import PERMISSIONS, permits
from app.security.tokens.claims import TokenClaims
from app.security.tokens.signing import MAX_TOKEN_LENGTH, InvalidToken, SignedToken, TokenSigner
from app.security.tokens.store import TokenStore

MAX_CACHED_TOKENS = 10_000


@dataclass(frozen=True)
class VerifiedToken:
    """A good token, the API key that it was made with, and what both of them permit."""

    claims: TokenClaims
    key: ApiKey
    permissions: frozenset[str]


class TokenVerifier:
    """Checks the tokens of requests, from any number of threads, by the rules that KeyVerifier has for keys.

    A token that the database confirmed, with its API key and its signing key, is taken from memory for `cache_seconds`,
    which bounds how long a revocation of any of the three goes unseen. While the database does not answer, a token
    confirmed within `stale_seconds` stays good until it expires and any other is KeysUnavailable; `stale_answers`
    counts. Without a right signature no token reaches the database.
    """

    def __init__(
        self,
        signer: TokenSigner,
        store: TokenStore,
        keys: KeyStore,
        *,
        lookups: Lookups | None = None,
        cache_seconds: float = 0.5,
        stale_seconds: float = 300.0,
        max_cached_tokens: int = MAX_CACHED_TOKENS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._signer = signer
        self._store = store
        self._keys = keys
        self._confirmed: Confirmations[_Known] = Confirmations(
            lookups or Lookups(clock=clock),
            cache_seconds=cache_seconds,
            stale_seconds=stale_seconds,
            most=max_cached_tokens,
            clock=clock,
        )

    @property
    def stale_answers(self) -> int:
        return self._confirmed.stale_answers

    def verify(self, text: str) -> VerifiedToken:
        """Return the valid token that the text is.

        Raises:
            Unauthenticated: in one and the same way for every kind of bad token.
            KeysUnavailable: when the database does not answer and the token was not confirmed lately.
        """
        if len(text) > MAX_TOKEN_LENGTH or not text.isascii():
            raise _invalid_token()
        digest = hashlib.sha256(text.encode()).digest()
        known = self._confirmed.find(digest, lambda earlier: self._prepare(text, earlier))
        token, moment = known.token if known else None, self._keys.now()
        if token is None or not token.claims.is_current(moment.timestamp()) or token.key.state_at(moment) != "active":
            raise _invalid_token()
        return token

    def _prepare(self, text: str, earlier: _Known | None) -> Callable[[], _Known]:
        signed = self._read(text) if earlier is None else earlier.signed
        return lambda: _Known(signed, self._find(signed))

    def _read(self, text: str) -> SignedToken:
        try:
            signed = self._signer.read(text)
        except InvalidToken:
            raise _invalid_token() from None
        # Whoever kept a token that has ended must not keep the database busy with it.
        if not signed.claims.is_current(self._keys.now().timestamp()):
            raise _invalid_token()
        return signed

    def _find(self, signed: SignedToken) -> VerifiedToken | None:
        key = None if self._store.is_revoked(signed) else self._keys.find(signed.claims.key_id)
        if key is None:
            return None
        return VerifiedToken(signed.claims, key, narrow_permissions(signed.claims.permissions, key.permissions))


def narrow_permissions(wanted: tuple[str, ...], granted: frozenset[str]) -> frozenset[str]:
    """Of the wanted permissions, those that a key with the granted ones has."""
    return frozenset(name for name in PERMISSIONS if name in wanted and permits(granted, name))


@dataclass(frozen=True)
class _Known:
    """What the database knew of a rightly signed token; a `token` of None has been ended, and stays so."""

    signed: SignedToken
    token: VerifiedToken | None


def _invalid_token() -> Unauthenticated:
    return Unauthenticated("The token is not valid.", code="invalid_token")
