"""What a key is made for: its owner, permissions, limits and networks, checked before they are kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import timedelta

from app.errors import BadRequest
from app.security.keys.networks import Network, read_networks
from app.security.permissions import check_permissions

MAX_OWNER_LENGTH = 200
MAX_LIFETIME = timedelta(days=36_500)
MAX_PER_MINUTE = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class KeyTerms:
    """What a key keeps when it is rotated.

    Attributes:
        requests_per_minute: None takes the limit of the installation.
        rows_per_minute: Rows that all requests of a minute may hold together; None takes the limit of the installation.
        networks: From where the key may be used; none means from anywhere.
    """

    owner: str
    permissions: frozenset[str]
    requests_per_minute: int | None = None
    rows_per_minute: int | None = None
    networks: tuple[Network, ...] = ()


def check_terms(
    *,
    owner: str,
    permissions: Iterable[str],
    requests_per_minute: int | None = None,
    rows_per_minute: int | None = None,
    networks: Iterable[str] = (),
) -> KeyTerms:
    """Return the terms of a key.

    Raises:
        BadRequest: for the first of them that is unusable.
    """
    return KeyTerms(
        owner=_check_owner(owner),
        permissions=check_permissions(permissions),
        requests_per_minute=_check_limit(requests_per_minute),
        rows_per_minute=_check_limit(rows_per_minute),
        networks=read_networks(networks),
    )


def terms_of(key: KeyTerms) -> KeyTerms:
    """Return what of a key its successor takes over."""
    return KeyTerms(**{term.name: getattr(key, term.name) for term in fields(KeyTerms)})


def check_lifetime(lifetime: timedelta) -> timedelta:
    if not timedelta(0) < lifetime <= MAX_LIFETIME:
        raise BadRequest(
            f"A key lives for at most {MAX_LIFETIME.days} days, and for some time.", code="invalid_lifetime"
        )
    return lifetime


def _check_owner(owner: str) -> str:
    owner = owner.strip()
    # Control characters could rewrite the terminal of whoever lists the keys.
    if not 0 < len(owner) <= MAX_OWNER_LENGTH or not owner.isprintable():
        raise BadRequest(f"The owner of a key is 1 to {MAX_OWNER_LENGTH} printable characters.", code="invalid_owner")
    return owner


def _check_limit(per_minute: int | None) -> int | None:
    if per_minute is not None and not 0 < per_minute <= MAX_PER_MINUTE:
        raise BadRequest(f"A limit of a key is 1 to {MAX_PER_MINUTE} a minute.", code="invalid_limit")
    return per_minute
