from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client

from app import create_app
from app.api.access.proxies import believe_proxies
from app.security.keys.store import KeyStore
from app.wiring.services import Services
from config.settings import Settings, require_secret
from tests.api.builders import ROW, make_settings

PROXY = "10.0.0.2"


def tell_address(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["REMOTE_ADDR"].encode()]


def address_seen(wsgi_app: Any, *, peer: str, forwarded: str | None) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return Client(wsgi_app).get(headers=headers, environ_base={"REMOTE_ADDR": peer}).text


@pytest.mark.parametrize("peer", [PROXY, "127.0.0.1", "::1", "fd00::2", "::ffff:10.0.0.2", ""])
def test_the_address_is_the_one_that_the_proxy_appended(peer: str) -> None:
    behind = believe_proxies(tell_address, count=1)

    assert address_seen(behind, peer=peer, forwarded="203.0.113.7") == "203.0.113.7"
    assert address_seen(behind, peer=peer, forwarded="10.1.1.1, evil, 203.0.113.7") == "203.0.113.7"
    assert address_seen(behind, peer=peer, forwarded="2001:db8::7") == "2001:db8::7"
    assert address_seen(behind, peer=peer, forwarded="::ffff:203.0.113.7") == "203.0.113.7"


def test_of_two_proxies_the_first_one_saw_the_caller() -> None:
    behind = believe_proxies(tell_address, count=2)

    assert address_seen(behind, peer=PROXY, forwarded="203.0.113.7, 10.0.0.1") == "203.0.113.7"
    assert address_seen(behind, peer=PROXY, forwarded="10.1.1.1, 203.0.113.7, 10.0.0.1") == "203.0.113.7"


@pytest.mark.parametrize("forwarded", ["", "unknown", "203.0.113.7, ", "203.0.113.7:8080", "10.1.1.1, evil\x7f", "é"])
def test_what_is_no_address_leaves_it_unknown(forwarded: str) -> None:
    assert address_seen(believe_proxies(tell_address, count=1), peer=PROXY, forwarded=forwarded) == ""


def test_fewer_addresses_than_proxies_leave_it_unknown() -> None:
    assert address_seen(believe_proxies(tell_address, count=2), peer=PROXY, forwarded="203.0.113.7") == ""


@pytest.mark.parametrize("count", [1, 2])
def test_without_the_header_the_peer_is_the_caller(count: int) -> None:
    assert address_seen(believe_proxies(tell_address, count=count), peer=PROXY, forwarded=None) == PROXY


def test_a_stranger_from_the_internet_is_not_believed() -> None:
    assert address_seen(believe_proxies(tell_address, count=1), peer="8.8.8.8", forwarded="10.1.1.1") == "8.8.8.8"


def test_without_proxies_nobody_is_believed() -> None:
    assert believe_proxies(tell_address, count=0) is tell_address


def test_a_quotation_mark_hides_no_address() -> None:
    forwarded = '"x, 203.0.113.7'

    assert address_seen(believe_proxies(tell_address, count=1), peer=PROXY, forwarded=forwarded) == "203.0.113.7"
    # What it is worth: with the middleware that comes to mind, the caller passes for the proxy, which is within.
    assert address_seen(ProxyFix(tell_address, x_for=1), peer=PROXY, forwarded=forwarded) == PROXY


class TestKeyBoundToANetwork:
    @pytest.fixture
    def key(self, services: Services, settings: Settings) -> str:
        store = KeyStore(services.database, require_secret(settings))
        return store.create("billing", ["predict"], networks=["10.1.0.0/16", "2001:db8::/32"]).text

    @pytest.fixture
    def behind_a_proxy(self, services: Services, settings: Settings) -> Flask:
        return create_app(make_settings(settings.home, proxies=1), services)

    def status(self, app: Flask, key: str, *, peer: str, forwarded: str | None = None) -> int:
        headers = {"X-API-Key": key, **({} if forwarded is None else {"X-Forwarded-For": forwarded})}
        answer = app.test_client().post(
            "/predict", json={"data": [ROW]}, headers=headers, environ_overrides={"REMOTE_ADDR": peer}
        )
        return answer.status_code

    @pytest.mark.parametrize("peer", ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8:1::1"])
    def test_is_taken_from_there(self, app: Flask, key: str, peer: str) -> None:
        assert self.status(app, key, peer=peer) == 200

    @pytest.mark.parametrize("peer", ["10.2.0.1", "::ffff:10.2.0.1", "2001:db9::1", "::10.1.2.3", "", "unknown"])
    def test_is_refused_from_elsewhere(self, app: Flask, key: str, peer: str) -> None:
        assert self.status(app, key, peer=peer) == 403
        assert self.status(app, key, peer=peer, forwarded="10.1.2.3") == 403

    def test_behind_a_proxy_the_address_of_the_caller_counts(self, behind_a_proxy: Flask, key: str) -> None:
        assert self.status(behind_a_proxy, key, peer="127.0.0.1", forwarded="10.1.2.3") == 200
        assert self.status(behind_a_proxy, key, peer="10.1.0.2", forwarded="203.0.113.7") == 403
        assert self.status(behind_a_proxy, key, peer="10.1.0.2", forwarded="10.1.2.3, 203.0.113.7") == 403
        assert self.status(behind_a_proxy, key, peer="10.1.0.2", forwarded="10.1.2.3, nonsense") == 403
        assert self.status(behind_a_proxy, key, peer="8.8.8.8", forwarded="10.1.2.3") == 403

    def test_the_refusal_names_neither_the_networks_nor_the_address(self, app: Flask, key: str) -> None:
        answer = app.test_client().post(
            "/predict", json={"data": [ROW]}, headers={"X-API-Key": key, "X-Request-ID": "r"}
        )
        assert answer.get_json() == {
            "type": "/docs/errors#network_not_permitted",
            "title": "Not permitted",
            "status": 403,
            "detail": "This key may not be used from this address.",
            "error": "network_not_permitted",
            "request_id": "r",
        }

    @pytest.mark.parametrize("position", [5, 20, 51])
    def test_a_wrong_key_learns_nothing_of_networks(self, app: Flask, key: str, position: int) -> None:
        wrong = key[:position] + ("a" if key[position] != "a" else "b") + key[position + 1 :]
        assert self.status(app, wrong, peer="10.2.0.1") == 401
