"""Signers, stores and tokens for the tests of tokens."""

from __future__ import annotations

import time
from typing import Any

from app.security.tokens.claims import TokenClaims
from app.security.tokens.signing import TokenSigner, make_token_id

SECRET = "secret-of-the-tests-of-tokens-32-characters"


def make_signer(secret: str = SECRET) -> TokenSigner:
    return TokenSigner(secret)


def make_claims(**changes: Any) -> TokenClaims:
    now = int(time.time())
    chosen = {
        "id": make_token_id(),
        "key_id": "abcd1234",
        "permissions": ("predict",),
        "issued_at": now,
        "expires_at": now + 900,
        **changes,
    }
    return TokenClaims(**chosen)
