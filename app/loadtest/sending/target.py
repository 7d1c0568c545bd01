"""Where the load goes: the address that the user gave and nowhere else. No proxies, no redirects."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

from app.loadtest.refusals import InvalidTarget, LoadRefused

PREDICT = "/predict"
_PORTS = {"http": 80, "https": 443}
_SAFE_IN_PATHS = "/%:@!$&'()*+,;=-._~?"

Address = tuple[int, Any]
"""A family of addresses and an address of it, as the socket module takes them."""


@dataclass(frozen=True)
class Target:
    """A URL in its parts; the path is /predict where the URL has none."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @cached_property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read_target(url: str) -> Target:
    """Raises InvalidTarget."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as fault:
        raise InvalidTarget(f"The address cannot be read: {fault}.") from None
    if parts.scheme not in _PORTS or not host:
        raise InvalidTarget("The address must begin with http:// or https:// and name a host.")
    if parts.username is not None:
        raise InvalidTarget("The address must hold no name or password: give an API key in its own option.")
    try:
        host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise InvalidTarget("The name of the host cannot be read.") from None
    path = quote(parts.path if parts.path.strip("/") else PREDICT, safe=_SAFE_IN_PATHS)
    query = f"?{quote(parts.query, safe=_SAFE_IN_PATHS)}" if parts.query else ""
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path + query)


class Dialer:
    """Opens connections to one target. Names are looked up once, so that no look-up is counted as the server's time.

    Certificates are verified with those that the system trusts, or with those of SSL_CERT_FILE.
    """

    def __init__(self, target: Target, address: Address) -> None:
        self._family, self._address = address
        self._host = target.host
        self._tls = ssl.create_default_context() if target.scheme == "https" else None

    def dial(self, timeout_seconds: float) -> socket.socket:
        """A connection, with TLS where the target asks for it.

        Raises:
            OSError: among them TimeoutError, ConnectionRefusedError and ssl.SSLError.
        """
        connection = socket.socket(self._family)
        try:
            connection.settimeout(timeout_seconds)
            connection.connect(self._address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._tls.wrap_socket(connection, server_hostname=self._host) if self._tls else connection
        except BaseException:
            connection.close()
            raise


def find_address(target: Target, *, timeout_seconds: float) -> Address:
    """The first address of the host at which somebody listens.

    Raises:
        LoadRefused: when there is none.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError:
        raise LoadRefused(f"The name {target.host} is not known to this machine.") from None
    reason = ""
    for family, _, _, _, address in found:
        try:
            with socket.socket(family) as connection:
                connection.settimeout(timeout_seconds)
                connection.connect(address)
        except OSError as fault:
            reason = (fault.strerror or str(fault)).lower()
        else:
            return family, address
    raise LoadRefused(f"Nobody answers at {target.authority}: {reason}.")
