"""Where tokens come from and how they end before their time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from math import ceil

from app.errors import BadRequest, Forbidden
from app.security.audit import AuditLog
from app.security.authentication import Caller
from app.security.keys.store import ApiKey
from app.security.permissions import PERMISSIONS, check_permissions, permits
from app.security.tokens.claims import TokenClaims, is_token_id
from app.security.tokens.signing import TokenSigner, make_token_id
from app.security.tokens.store import SigningKey, TokenStore

DEFAULT_LIFETIME_SECONDS = 900


@dataclass(frozen=True)
class NewToken:
    """A token just made; its text is the credential."""

    claims: TokenClaims
    text: str = field(repr=False)


class TokenIssuer:
    """Makes and revokes tokens, and changes the key that signs them.

    Every method raises KeysUnavailable when the database does not answer.
    """

    def __init__(self, signer: TokenSigner, store: TokenStore, *, audit: AuditLog) -> None:
        self._signer = signer
        self._store = store
        self._audit = audit

    def issue(
        self,
        key: ApiKey,
        *,
        permissions: Collection[str] | None = None,
        lifetime_seconds: int = DEFAULT_LIFETIME_SECONDS,
    ) -> NewToken:
        """Make a token for the holder of an API key. It ends with the key at the latest.

        Args:
            permissions: What it may do; for None all that the key may.

        Raises:
            BadRequest: when no permission is named, or one that there is not.
            Forbidden: when the key lacks one of them.
        """
        wanted = key.permissions if permissions is None else check_permissions(permissions)
        for name in PERMISSIONS:
            if name in wanted and not permits(key.permissions, name):
                raise Forbidden(f"This key lacks the permission '{name}', so its tokens cannot have it.")
        issued_at = int(self._store.now().timestamp())
        ends_at = issued_at + lifetime_seconds
        claims = TokenClaims(
            id=make_token_id(),
            key_id=key.id,
            permissions=tuple(sorted(wanted)),
            issued_at=issued_at,
            expires_at=ends_at if key.expires_at is None else min(ends_at, ceil(key.expires_at.timestamp())),
        )
        return NewToken(claims, self._signer.sign(claims, self._store.require_signing_key().id))

    def revoke_for(self, caller: Caller, token_id: str | None) -> str:
        """Revoke a token of the caller's key, with `admin` one of any key; None means the token that the caller shows.

        Returns:
            The token's id.

        Raises:
            BadRequest, Conflict: as `revoke`, and when there is no token that could be meant.
        """
        chosen = caller.token.id if token_id is None and caller.token is not None else token_id
        if chosen is None:
            raise BadRequest("Name the token in token_id, or come with it.", code="missing_token_id")
        self.revoke(chosen, key_id=None if "admin" in caller.permissions else caller.id, by=f"key:{caller.id}")
        return chosen

    def revoke(self, token_id: str, *, key_id: str | None, by: str) -> None:
        """Revoke a token; every worker refuses it within a second.

        Args:
            key_id: The API key that it has to belong to; None only for administrators.

        Raises:
            BadRequest: when the id has not the form of one.
            Conflict: when the key has as many revocations open as it may.
        """
        if not is_token_id(token_id):
            raise BadRequest("The id of a token has 22 letters, digits, - or _.", code="invalid_token_id")
        self._store.revoke(token_id, key_id=key_id)
        self._audit.record(actor=by, action="revoke_token", target=f"token {token_id}", outcome="done")

    def list_signing_keys(self) -> tuple[SigningKey, ...]:
        """Return the keys whose tokens are taken, the newest first."""
        return self._store.list_signing_keys()

    def rotate(self, *, end_tokens: bool, by: str) -> SigningKey:
        """Sign with a new key from now on."""
        replaced = self._store.require_signing_key()
        new = self._store.rotate(end_tokens=end_tokens)
        self._audit.record(
            actor=by,
            action="rotate_token_key",
            target="tokens",
            before=replaced.id,
            after=new.id,
            outcome="done",
            detail="all tokens ended" if end_tokens else None,
        )
        return new
