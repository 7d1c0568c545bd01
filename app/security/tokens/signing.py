"""From claims to the text of a token and back: JWT, signed with HS256. Knows no database and no requests."""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import jwt

from app.security.tokens.claims import AUDIENCE, CLAIM_NAMES, CLOCK_LEEWAY_SECONDS, ISSUER, TokenClaims, read_claims

MAX_TOKEN_LENGTH = 4096
ALGORITHM = "HS256"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the type that the header names, not a secret

_HEADER = re.compile(rb'\{"alg":"HS256","kid":"([0-9a-f]{16})","typ":"at\+jwt"\}')
# Our headers, all of 55 bytes, take 74 characters; the 32 bytes of a signature take 43.
_TOKEN = re.compile(r"([A-Za-z0-9_-]{74})\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}")

TokenUse = Literal["api", "dashboard"]
# No secret of an API key is as long as these texts: the uses of the secret never meet.
_DERIVATIONS: Mapping[TokenUse, bytes] = {
    "api": b"gluonserve signing key of tokens ",
    "dashboard": b"gluonserve signing key of the dashboard's sessions ",
}


class InvalidToken(Exception):
    """A text that is no token of this installation. What is wrong with it is not said: it would help guessers only."""


@dataclass(frozen=True)
class SignedToken:
    """A token whose signature is right, and the id of the key that it is signed with."""

    claims: TokenClaims
    signing_key_id: str


class TokenSigner:
    """Signs tokens, and tells those it signed from all others.

    A signing key is HMAC-SHA256(secret, its id): every machine that has the secret of the API keys has it too, no file
    has to be brought anywhere, and a dump of the database holds nothing to sign with. HS256, because whoever verifies
    here signs as well: a pair of keys would protect nothing more, and take many times as long.

    Each use has signing keys of its own: what a browser holds for the dashboard opens no other route, and a token that
    somebody made for a script opens no dashboard in a browser.
    """

    def __init__(self, secret: str, *, use: TokenUse = "api") -> None:
        self._secret = secret.encode()
        self._derivation = _DERIVATIONS[use]
        self._jwt = jwt.PyJWT(
            options={"require": list(CLAIM_NAMES), "strict_aud": True, "enforce_minimum_key_length": True}
        )

    def sign(self, claims: TokenClaims, signing_key_id: str) -> str:
        header = {"kid": signing_key_id, "typ": TOKEN_TYPE}
        key = self._derive_key(signing_key_id)
        return self._jwt.encode(claims.to_document(), key, algorithm=ALGORITHM, headers=header)

    def read(self, text: str) -> SignedToken:
        """Return the token that the text is; whether it is still good is for others to tell.

        Of the text, before its signature is right, only the header is looked at, and that has to be ours byte for byte:
        neither an algorithm nor a key can be chosen by it. Afterwards, signing what was read has to give the same text.

        Raises:
            InvalidToken
        """
        signing_key_id = _find_signing_key_id(text)
        try:
            document = self._jwt.decode(
                text,
                self._derive_key(signing_key_id),
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                leeway=CLOCK_LEEWAY_SECONDS,
            )
        except jwt.PyJWTError:
            raise InvalidToken from None
        claims = read_claims(document)
        if claims is None or not hmac.compare_digest(self.sign(claims, signing_key_id), text):
            raise InvalidToken
        return SignedToken(claims, signing_key_id)

    def _derive_key(self, signing_key_id: str) -> bytes:
        return hmac.digest(self._secret, self._derivation + signing_key_id.encode(), "sha256")


def make_signing_key_id() -> str:
    return secrets.token_hex(8)


def make_token_id() -> str:
    return secrets.token_urlsafe(16)


def _find_signing_key_id(text: str) -> str:
    shape = _TOKEN.fullmatch(text) if len(text) <= MAX_TOKEN_LENGTH else None
    header = _HEADER.fullmatch(urlsafe_b64decode(shape[1] + "==")) if shape else None
    if header is None:
        raise InvalidToken
    return header[1].decode()
