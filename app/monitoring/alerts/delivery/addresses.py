"""Which addresses a message may go to, judged when a connection is made: a name may mean another one by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from socket import AF_INET, AF_INET6

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_CHECKED_EVENTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
# Some clouds answer every machine there, with what only that machine may know, from addresses that count as public: of
# the second network, some versions of Python say so.
_PUBLIC_BUT_INTERNAL = (ip_network("168.63.129.16/32"), ip_network("192.0.0.0/24"))
# What translates to IPv4 holds that address in its last 32 bits.
_TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("::/96"))


class AddressRefused(OSError):
    """No connection may be made to this address. An OSError: libraries take it for one that cannot be reached."""


@dataclass
class AddressGuard:
    """Refuses connections of this process to internal addresses, for as long as it lives.

    It is asked by the interpreter before each connection, of whatever library, and is given the number that the name
    was resolved to: neither redirections nor names that change their meaning lead past it.

    Args:
        named: Networks that may be reached although they are internal.
        only_named: Whether no others may be reached: for what is sent without encryption.
    """

    named: Sequence[Network] = ()
    only_named: bool = False
    refused: list[str] = field(default_factory=list)

    def check_event(self, event: str, arguments: tuple[object, ...]) -> None:
        """An audit hook, for `sys.addaudithook`.

        Raises:
            AddressRefused: to keep the connection from being made.
        """
        if event not in _CHECKED_EVENTS:
            return
        connection, address = arguments
        if address is None:
            return
        is_internet = getattr(connection, "family", None) in (AF_INET, AF_INET6)
        self.check(str(address[0]) if is_internet and isinstance(address, tuple) and address else "a local socket")

    def check(self, host: str) -> None:
        """Refuse what is not the number of an address that may be reached.

        Raises:
            AddressRefused: saying why, without the name of the destination.
        """
        reason = self._find_fault(host)
        if reason:
            self.refused.append(reason)
            raise AddressRefused(reason)

    def _find_fault(self, host: str) -> str:
        try:
            address = _unwrap(ip_address(host.partition("%")[0]))
        except ValueError:
            return "a connection without the number of an address was refused"
        if any(address in network for network in self.named):
            return ""
        if is_internal(address):
            return f"{address} is an internal address, which GLUONSERVE_ALERT_NETWORKS does not name"
        if self.only_named:
            return f"{address} would be sent to without encryption, and GLUONSERVE_ALERT_NETWORKS does not name it"
        return ""


def is_internal(address: Address) -> bool:
    """Whether an address is one of this machine, its network or its cloud, or of nobody in particular."""
    address = _unwrap(address)
    if any(address in network for network in _PUBLIC_BUT_INTERNAL):
        return True
    is_several = address.is_multicast or address.is_unspecified or address.is_reserved
    return is_several or address.is_loopback or address.is_link_local or address.is_private or not address.is_global


def _unwrap(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it stands for one."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _TRANSLATED) and int(address) > 1:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
