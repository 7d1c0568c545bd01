"""Who calls: from the credentials of one request to a caller, whichever kind of credential it sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from app.errors import Unauthenticated
from app.security.keys.binding import NetworkCheck
from app.security.keys.last_use import NoUses, UseRecorder
from app.security.keys.store import ApiKey
from app.security.keys.verifier import KeyVerifier
from app.security.tokens.claims import TokenClaims
from app.security.tokens.verifier import TokenVerifier, VerifiedToken


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a request shows of its caller, as it was sent.

    Attributes:
        api_key: The header X-API-Key.
        authorization: The header Authorization.
        session: The cookie of the dashboard, on routes that take it. It counts where neither of the others is sent.
        address: Where the request comes from; of a chain of proxies, the address that the trusted ones tell.
    """

    api_key: str | None = field(default=None, repr=False)
    authorization: str | None = field(default=None, repr=False)
    session: str | None = field(default=None, repr=False)
    address: str | None = None


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody with a valid credential.

    Attributes:
        key: The API key that was sent, or for which the token was made.
        permissions: What this request may do: never more than the key may.
        token: What the token says, where one was sent.
    """

    key: ApiKey
    permissions: frozenset[str]
    token: TokenClaims | None = None

    @property
    def id(self) -> str:
        return self.key.id

    @property
    def credential(self) -> Literal["key", "token"]:
        return "key" if self.token is None else "token"


class Authenticator:
    """Tells who calls, from any number of threads."""

    def __init__(
        self,
        keys: KeyVerifier,
        tokens: TokenVerifier,
        *,
        sessions: TokenVerifier | None = None,
        networks: NetworkCheck | None = None,
        uses: UseRecorder | None = None,
    ) -> None:
        self.keys = keys
        self.tokens = tokens
        self.sessions = sessions
        self._networks = networks or NetworkCheck()
        self._uses = uses or NoUses()

    def authenticate(self, credentials: Credentials) -> Caller:
        """Return the caller. A scheme of Authorization other than Bearer is somebody else's, a proxy's for example.

        Raises:
            Unauthenticated: when there is no credential, when there are two, or, for a bad one, in a way that is the
                same for every kind of bad key and for every kind of bad token.
            Forbidden: when the key is bound to networks and the address lies in none of them.
            KeysUnavailable: when the database does not answer and the credential was not confirmed lately.
        """
        token = None if credentials.authorization is None else _read_bearer(credentials.authorization)
        if self.sessions is not None and credentials.session and token is None and not credentials.api_key:
            caller = _describe_caller(self.sessions.verify(credentials.session))
        else:
            caller = self._find_caller(credentials.api_key, token)
        self._networks.check(caller.key, credentials.address)
        self._uses.note(caller.key.id)
        return caller

    def _find_caller(self, api_key: str | None, token: str | None) -> Caller:
        if token is None:
            key = self.keys.verify(api_key)
            return Caller(key=key, permissions=key.permissions)
        if api_key:
            raise Unauthenticated("Send a key or a token, not both: they may be two callers.", code="two_credentials")
        return _describe_caller(self.tokens.verify(token))


def _describe_caller(verified: VerifiedToken) -> Caller:
    return Caller(key=verified.key, permissions=verified.permissions, token=verified.claims)


def _read_bearer(authorization: str) -> str | None:
    scheme, _, credential = authorization.partition(" ")
    return credential if scheme.lower() == "bearer" else None
