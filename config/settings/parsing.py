"""From the text of a variable to its value, and how a setting is declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any


class SettingsError(Exception):
    """A setting is missing, unknown or out of range. The message is one sentence for the operator."""


LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return text

    return parse


def read_log_level(text: str) -> str:
    return one_of(*LOG_LEVELS)(text.upper())


def whole_number(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and minimum <= int(text) <= maximum):
            raise ValueError(f"expected a whole number from {minimum} to {maximum}")
        return int(text)

    return parse


def read_share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise ValueError("expected a number above 0, at most 1")
    return share


def read_address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text.startswith("unix:") and len(text) > len("unix:"):
        return text
    if not (host and port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError("expected HOST:PORT or unix:PATH")
    return text


def read_networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(item.strip()) for item in text.split(","))
    except ValueError:
        raise ValueError("expected networks such as 10.0.0.0/8, separated by commas") from None


def read_places(text: str) -> tuple[str, ...]:
    places = tuple(item.strip() for item in text.split(","))
    if not all("://" in place.lstrip(":/") for place in places):
        raise ValueError("expected addresses such as s3://bucket/incoming/ or file:///data/, separated by commas")
    return places


def read_path(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise ValueError("there is no such user") from None


def read_keys_or_path(text: str) -> tuple[str, ...] | Path:
    """Public keys as they stand, or the file that lists them. A key is Base64 of 32 bytes and so ends with `=`."""
    items = [item.strip() for item in text.split(",")]
    if all(item.endswith("=") for item in items):
        return tuple(items)
    return read_path(text)


def setting(name: str, default: str | None, parse: Callable[[str], Any], help: str, *, secret: bool = False) -> Any:
    metadata = {"name": name, "default": default, "parse": parse, "help": help}
    return field(repr=not secret, metadata=metadata)
