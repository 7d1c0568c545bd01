"""What a token says: the claims that it must have, and nothing besides them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from app.security.keys.format import is_key_id
from app.security.permissions import PERMISSIONS

ISSUER = "gluonserve"
AUDIENCE = "gluonserve"
MAX_LIFETIME_SECONDS = 3600
# How far the clocks of two machines may be apart: a token just made on one must not come too early for the other.
CLOCK_LEEWAY_SECONDS = 30

CLAIM_NAMES = ("iss", "aud", "sub", "iat", "exp", "jti", "permissions")
_TOKEN_ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, kw_only=True)
class TokenClaims:
    """One token.

    Attributes:
        id: The claim jti, by which the token can be revoked.
        key_id: The claim sub: the API key that it was made with.
        permissions: What it may do, in order and without repetition.
        issued_at, expires_at: Seconds since 1970; the token is good before the second of these.
    """

    id: str
    key_id: str
    permissions: tuple[str, ...]
    issued_at: int
    expires_at: int

    def is_current(self, now: float) -> bool:
        return self.issued_at - CLOCK_LEEWAY_SECONDS <= now < self.expires_at

    def to_document(self) -> dict[str, Any]:
        values = (
            ISSUER,
            AUDIENCE,
            self.key_id,
            self.issued_at,
            self.expires_at,
            self.id,
            list(self.permissions),
        )
        return dict(zip(CLAIM_NAMES, values, strict=True))


def read_claims(document: Mapping[str, Any]) -> TokenClaims | None:
    """Return the claims of a document that says what ours do in the types of ours, else None."""
    issued_at, expires_at = document.get("iat"), document.get("exp")
    token_id, key_id, permissions = document.get("jti"), document.get("sub"), document.get("permissions")
    # A bool is an int to isinstance, and 1e3 a number to JSON: neither is a time here.
    if type(issued_at) is not int or type(expires_at) is not int:
        return None
    if not 0 < expires_at - issued_at <= MAX_LIFETIME_SECONDS:
        return None
    if not (is_token_id(token_id) and isinstance(key_id, str) and is_key_id(key_id) and _are_permissions(permissions)):
        return None
    claims = TokenClaims(
        id=token_id, key_id=key_id, permissions=tuple(permissions), issued_at=issued_at, expires_at=expires_at
    )
    return claims if claims.to_document() == document else None


def is_token_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _TOKEN_ID.fullmatch(value) is not None


def _are_permissions(value: object) -> TypeGuard[list[str]]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        return False
    return set(value) <= PERMISSIONS.keys() and value == sorted(set(value))
