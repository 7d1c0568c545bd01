"""The address of a caller behind proxies, and whether it came by TLS: WSGI middleware puts both where they belong."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from app.security.keys.networks import read_address

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication


def believe_proxies(wsgi_app: WSGIApplication, *, count: int) -> WSGIApplication:
    """Wrap an application that has so many proxies in front of it; without any, X-Forwarded-For counts for nothing."""
    return _BehindProxies(wsgi_app, count) if count else wsgi_app


class _BehindProxies:
    """Takes from X-Forwarded-For the address that the first of our proxies saw.

    Each proxy appends the address that it was called from, so what callers write themselves stands further left. The
    header is split at its commas and nothing else: werkzeug's ProxyFix honours quotation marks, and a caller who sends
    one that is never closed passes for the proxy. The header is believed from a unix socket and from addresses that the
    internet does not route; whoever calls from elsewhere went past the proxies. X-Forwarded-Proto is believed of the
    same.
    """

    def __init__(self, wsgi_app: WSGIApplication, count: int) -> None:
        self._wsgi_app = wsgi_app
        self._count = count

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        forwarded = environ.get("HTTP_X_FORWARDED_FOR")
        if forwarded is not None and _may_be_a_proxy(environ.get("REMOTE_ADDR", "")):
            environ["REMOTE_ADDR"] = self._read(forwarded)
            if environ.get("HTTP_X_FORWARDED_PROTO") == "https":
                environ["wsgi.url_scheme"] = "https"
        return self._wsgi_app(environ, start_response)

    def _read(self, forwarded: str) -> str:
        """Return the address, or nothing where there is none: an unknown address lies in no network."""
        addresses = forwarded.rsplit(",", self._count)[-self._count :]
        told = read_address(addresses[0].strip()) if len(addresses) == self._count else None
        return "" if told is None else str(told)


@lru_cache(maxsize=1024)
def _may_be_a_proxy(peer: str) -> bool:
    if not peer:
        return True
    address = read_address(peer)
    return address is not None and not address.is_global
