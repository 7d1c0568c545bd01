"""The networks that a key is bound to: how they are written, and whether an address lies in one of them."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from app.errors import BadRequest

MAX_NETWORKS = 100

Network = IPv4Network | IPv6Network

_LONGEST_TEXT_SHOWN = 100
_MAPPED_PREFIX_LENGTH = 96


def read_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read networks such as 10.0.0.0/8, 2001:db8::/32 or a single address; IPv4 written as IPv6 becomes IPv4.

    Raises:
        BadRequest: for a text that is no network, one with bits set behind its prefix, or too many of them.
    """
    networks = tuple(dict.fromkeys(_read_network(text) for text in texts))
    if len(networks) > MAX_NETWORKS:
        raise BadRequest(f"A key is bound to at most {MAX_NETWORKS} networks.", code="invalid_network")
    return networks


def read_address(text: str | None) -> IPv4Address | IPv6Address | None:
    """Return the address, IPv4 written as IPv6 as the IPv4 that it is; None for what is no address."""
    try:
        address = ip_address(text or "")
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def lies_within(address: str | None, networks: Iterable[Network]) -> bool:
    """Tell whether the address lies in one of the networks; an unknown address lies in none."""
    read = read_address(address)
    return read is not None and any(read in network for network in networks)


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
