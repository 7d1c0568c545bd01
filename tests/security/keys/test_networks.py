from __future__ import annotations

from ipaddress import ip_network

import pytest

from app.errors import BadRequest
from app.security.keys.networks import lies_within, read_networks


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        (" 192.0.2.7 ", "192.0.2.7/32"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("2001:DB8:0::1", "2001:db8::1/128"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
    ],
)
def test_a_network_is_read(text: str, network: str) -> None:
    assert read_networks([text]) == (ip_network(network),)


def test_a_network_named_twice_is_kept_once() -> None:
    assert read_networks(["10.0.0.0/8", "10.0.0.0/8"]) == (ip_network("10.0.0.0/8"),)


@pytest.mark.parametrize(
    "text",
    [
        *("", "*", "localhost", "x" * 10_000, "10.0.0", "127.1", "2130706433", "0x7f.1", "010.0.0.1", "/8", "::/129"),
        *("10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/8\x00", "١٠.0.0.0/8", "fe80::1%eth0/64/"),
    ],
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        read_networks([text])
    assert refusal.value.code == "invalid_network"
    assert len(refusal.value.detail) < 300


def test_an_address_with_a_prefix_is_refused_with_the_network_that_was_meant() -> None:
    with pytest.raises(
        BadRequest, match=r"'10\.1\.2\.3/8' names one address of a network: did you mean 10\.0\.0\.0/8\?"
    ):
        read_networks(["10.1.2.3/8"])


def test_more_networks_than_anybody_needs_are_refused() -> None:
    with pytest.raises(BadRequest, match="at most 100 networks"):
        read_networks(f"10.0.{number}.0/24" for number in range(101))


@pytest.mark.parametrize(
    ("address", "lies"),
    [
        ("10.255.0.1", True),
        ("::ffff:10.1.2.3", True),
        ("::ffff:a01:203", True),
        ("2001:db8:ffff::1", True),
        ("11.0.0.1", False),
        ("::ffff:11.0.0.1", False),
        ("::10.1.2.3", False),
        ("64:ff9b::10.1.2.3", False),
        ("2001:db9::1", False),
        ("10.1.2.3:80", False),
        ("010.1.2.3", False),
        ("10.1.2.3, 10.1.2.3", False),
        ("", False),
        (None, False),
    ],
)
def test_an_address_lies_within_or_not(address: str | None, lies: bool) -> None:
    assert lies_within(address, read_networks(["10.0.0.0/8", "2001:db8::/32"])) is lies
    assert lies_within(address, ()) is False
