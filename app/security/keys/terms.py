"""What a key is made for: its owner, permissions, limits and networks, checked before they are kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network

from app.errors import BadRequest
from app.security.permissions import check_permissions

MAX_OWNER_LENGTH = 200
MAX_LIFETIME = timedelta(days=36_500)
MAX_PER_MINUTE = 1_000_000_000
MAX_NETWORKS = 100

Network = IPv4Network | IPv6Network

_LONGEST_TEXT_SHOWN = 100
_MAPPED_PREFIX_LENGTH = 96


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


def check_lifetime(lifetime: timedelta) -> timedelta:
    if not timedelta(0) < lifetime <= MAX_LIFETIME:
        raise BadRequest(
            f"A key lives for at most {MAX_LIFETIME.days} days, and for some time.", code="invalid_lifetime"
        )
    return lifetime


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read networks such as 10.0.0.0/8, 2001:db8::/32 or a single address; IPv4 written as IPv6 becomes IPv4.

    Raises:
        BadRequest: for a text that is no network, one with bits set behind its prefix, or too many of them.
    """
    networks = tuple(dict.fromkeys(_read_network(text) for text in texts))
    if len(networks) > MAX_NETWORKS:
        raise BadRequest(f"A key is bound to at most {MAX_NETWORKS} networks.", code="invalid_network")
    return networks


def _read_network(text: str) -> Network:
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        shown = text[:_LONGEST_TEXT_SHOWN]
        raise BadRequest(
            f"{shown!r} is no network such as 10.0.0.0/8 or 2001:db8::/32.", code="invalid_network"
        ) from None
    if "/" in text and ip_network(text.partition("/")[0].strip()).network_address != network.network_address:
        raise BadRequest(
            f"{text.strip()!r} names one address of a network: did you mean {network}?", code="invalid_network"
        )
    return _unmap(network)


def _unmap(network: Network) -> Network:
    mapped = None if isinstance(network, IPv4Network) else network.network_address.ipv4_mapped
    if mapped is None or network.prefixlen < _MAPPED_PREFIX_LENGTH:
        return network
    return IPv4Network((mapped, network.prefixlen - _MAPPED_PREFIX_LENGTH))


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
