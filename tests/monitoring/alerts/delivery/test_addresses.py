from __future__ import annotations

import socket
import sys
from ipaddress import ip_address, ip_network

import pytest

from app.monitoring.alerts.delivery.addresses import AddressGuard, AddressRefused, is_internal

INTERNAL = [
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",  # noqa: S104 - an address that is refused
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",  # metadata of most clouds
    "100.100.100.200",  # metadata of Alibaba
    "192.0.0.192",  # metadata of Oracle
    "168.63.129.16",  # of Azure, and public by its number
    "100.64.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%lo",
    "fc00::1",
    "fd00:ec2::254",  # metadata of AWS
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",  # Teredo of 127.0.0.1
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
# Other ways to write addresses of this machine, which some libraries understand: they are resolved to the above, and
# as they stand they are no addresses.
UNUSUAL = ["127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "0", "localhost", "", "127.0.0.1 ", "①27.0.0.1"]


@pytest.mark.parametrize("host", INTERNAL)
def test_an_internal_address_is_refused(host: str) -> None:
    guard = AddressGuard()

    with pytest.raises(AddressRefused):
        guard.check(host)

    assert guard.refused


@pytest.mark.parametrize("host", PUBLIC)
def test_a_public_address_is_not_refused(host: str) -> None:
    AddressGuard().check(host)

    assert not is_internal(ip_address(host))


@pytest.mark.parametrize("host", UNUSUAL)
def test_what_is_not_the_plain_number_of_an_address_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused, match="without the number of an address"):
        AddressGuard([ip_network("0.0.0.0/0")]).check(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "::ffff:127.0.0.1", "10.1.2.3"])
def test_a_named_network_may_be_reached_and_no_other_internal_one(host: str) -> None:
    guard = AddressGuard([ip_network("127.0.0.1/32"), ip_network("10.1.0.0/16")])

    guard.check(host)
    with pytest.raises(AddressRefused):
        guard.check("10.2.0.1")


def test_without_encryption_only_named_networks_are_reached() -> None:
    guard = AddressGuard([ip_network("127.0.0.1/32")], only_named=True)

    guard.check("127.0.0.1")
    with pytest.raises(AddressRefused, match="without encryption"):
        guard.check("1.1.1.1")


@pytest.mark.parametrize(
    ("family", "address"),
    [
        (socket.AF_INET, ("127.0.0.1", 80)),
        (socket.AF_INET, ("127.1", 80)),
        (socket.AF_INET, ("localhost", 80)),
        (socket.AF_INET6, ("::1", 80, 0, 0)),
        (socket.AF_UNIX, "/var/run/docker.sock"),
    ],
)
def test_the_interpreter_asks_before_a_connection(family: int, address: object) -> None:
    with socket.socket(family) as connection, pytest.raises(AddressRefused):
        AddressGuard().check_event("socket.connect", (connection, address))


def test_what_is_no_connection_is_not_looked_at() -> None:
    guard = AddressGuard()
    guard.check_event("open", ("file", "r", 0))
    with socket.socket() as connection:
        guard.check_event("socket.sendmsg", (connection, None))

    assert guard.refused == []


def test_this_interpreter_has_the_events_that_are_asked_for() -> None:
    """A name of an event that the interpreter does not raise would guard nothing."""
    seen: list[str] = []
    watch = [True]
    sys.addaudithook(lambda event, _: seen.append(event) if watch[0] and event.startswith("socket.") else None)
    with socket.socket(type=socket.SOCK_DGRAM) as connection, socket.socket() as other:
        other.connect_ex(("127.0.0.1", 9))
        connection.sendto(b"", ("127.0.0.1", 9))
        connection.sendmsg([b""], [], 0, ("127.0.0.1", 9))
    watch[0] = False

    assert {"socket.connect", "socket.sendto", "socket.sendmsg"} <= set(seen)
