"""Who calls: from the credentials of one request to a caller, whichever kind of credential it sent."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from app.errors import Forbidden
from app.security.keys.last_use import NoUses, UseRecorder
from app.security.keys.networks import lies_within, read_address
from app.security.keys.store import ApiKey
from app.security.keys.verifier import KeyVerifier

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a request shows of its caller, as it was sent.

    Attributes:
        api_key: The header X-API-Key.
        authorization: The header Authorization.
        address: Where the request comes from; of a chain of proxies, the address that the trusted ones tell.
    """

    api_key: str | None = field(default=None, repr=False)
    authorization: str | None = field(default=None, repr=False)
    address: str | None = None


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody with a valid credential.

    Attributes:
        key: The API key that was sent, or for which the token was made.
        permissions: What this request may do: never more than the key may.
    """

    key: ApiKey
    permissions: frozenset[str]

    @property
    def id(self) -> str:
        return self.key.id


class Authenticator:
    """Tells who calls, from any number of threads."""

    def __init__(self, keys: KeyVerifier, *, uses: UseRecorder | None = None) -> None:
        self.keys = keys
        self._uses = uses or NoUses()

    def authenticate(self, credentials: Credentials) -> Caller:
        """Return the caller.

        Raises:
            Unauthenticated: when there is no credential, or in one and the same way for every kind of bad one.
            Forbidden: when the key is bound to networks and the address lies in none of them.
            KeysUnavailable: when the database does not answer and the key was not confirmed lately.
        """
        key = self.keys.verify(credentials.api_key)
        if key.networks:
            _check_network(key, credentials.address)
        self._uses.note(key.id)
        return Caller(key=key, permissions=key.permissions)


def _check_network(key: ApiKey, address: str | None) -> None:
    # Only who showed the whole secret comes here, so that a guesser learns nothing from this answer.
    if not lies_within(address, key.networks):
        logger.warning("API key %s was refused from %s: outside of its networks", key.id, read_address(address))
        raise Forbidden("This key may not be used from this address.", code="network_not_permitted")
