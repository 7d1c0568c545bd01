"""Writes tokens byte by byte, so that no check of a library stands between the test and the server."""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def encode_segment(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def write_json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


@dataclass(frozen=True, kw_only=True)
class Forge:
    """What somebody has who knows even the secret of the installation, who is nobody: so each fault stands alone.

    Attributes:
        secret: Of the installation.
        signing_key_id, ended_signing_key_id: One that signs now, and one whose tokens were ended.
        key_id, revoked_key_id: Two API keys.
        good: A token that is let in.
        revoked_token_id: Of a token that was revoked.
    """

    secret: str
    signing_key_id: str
    ended_signing_key_id: str
    key_id: str
    revoked_key_id: str
    good: str
    revoked_token_id: str

    @property
    def segments(self) -> list[str]:
        """Header, claims and signature of the good token."""
        return self.good.split(".")

    def key(self, signing_key_id: str | None = None) -> bytes:
        text = "gluonserve signing key of tokens " + (signing_key_id or self.signing_key_id)
        return hmac.digest(self.secret.encode(), text.encode(), "sha256")

    def header(self, **changes: Any) -> dict[str, Any]:
        """Our header with changes; `_without` names a member to leave out."""
        left_out = changes.pop("_without", None)
        header = {"alg": "HS256", "kid": self.signing_key_id, "typ": "at+jwt", **changes}
        return {name: value for name, value in sorted(header.items()) if name != left_out}

    def claims(self, **changes: Any) -> dict[str, Any]:
        now, left_out = int(time.time()), changes.pop("_without", None)
        claims = {
            "iss": "gluonserve",
            "aud": "gluonserve",
            "sub": self.key_id,
            "iat": now,
            "exp": now + 900,
            "jti": "A" * 22,
            "permissions": ["predict"],
            **changes,
        }
        return {name: value for name, value in claims.items() if name != left_out}

    def token(self, header: Any = None, claims: Any = None, *, key: bytes | None = None, digest: str = "sha256") -> str:
        """A token with an HMAC; without a key, with that of the header's kid as it is in this installation."""
        header = self.header() if header is None else header
        written = [
            part if isinstance(part, bytes) else write_json(part)
            for part in (header, self.claims() if claims is None else claims)
        ]
        signed = ".".join(encode_segment(part) for part in written)
        return f"{signed}.{encode_segment(hmac.digest(key or self.key(), signed.encode(), digest))}"


MakeToken = Callable[[Forge], str]
