"""Somebody with a browser: an API key, sent once, becomes a cookie that opens the dashboard and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.api.access.session import SESSION_COOKIE
from app.api.guard import UnguardedRoute, check_every_route_is_guarded, require_auth
from app.wiring.services import Services, build_services
from config.settings import Settings
from tests.api.builders import make_key, revoke_key
from tests.server import wait_until

BROWSER = {"Accept": "text/html"}


@pytest.fixture
def key(services: Services, settings: Settings) -> str:
    return make_key(services, settings, "admin").text


def sign_in(browser: FlaskClient, key: str, **headers: str) -> TestResponse:
    return browser.post("/dashboard/sign-in", data={"key": key}, headers={**BROWSER, **headers})


def read_cookie(browser: FlaskClient) -> str | None:
    cookie = browser.get_cookie(SESSION_COOKIE, path="/dashboard")
    return None if cookie is None else cookie.value


def see(browser: FlaskClient) -> int:
    return browser.get("/dashboard", headers=BROWSER).status_code


def test_a_key_becomes_a_session(anonymous: FlaskClient, key: str) -> None:
    answer = sign_in(anonymous, key)

    assert (answer.status_code, answer.headers["Location"]) == (303, "../dashboard")
    assert key not in answer.headers["Set-Cookie"]
    assert see(anonymous) == 200
    assert "Sign out" in anonymous.get("/dashboard").text


def test_the_cookie_is_kept_from_scripts_other_sites_and_for_an_hour_at_most(anonymous: FlaskClient, key: str) -> None:
    written = sign_in(anonymous, key).headers["Set-Cookie"]

    assert {"HttpOnly", "SameSite=Strict", "Max-Age=3600"} <= set(written.split("; "))
    assert "Path" not in written
    assert "Domain" not in written
    assert "Secure" not in written


def test_over_tls_the_cookie_never_goes_without_it(app: Flask, key: str) -> None:
    written = app.test_client().post("https://example.org/dashboard/sign-in", data={"key": key}).headers["Set-Cookie"]

    assert "Secure" in written.split("; ")


def test_tls_ends_at_a_proxy_that_is_believed(settings: Settings, services: Services, key: str) -> None:
    browser = create_app(replace(settings, proxies=1), services).test_client()

    written = sign_in(browser, key, **{"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"})

    assert "Secure" in written.headers["Set-Cookie"].split("; ")


@pytest.mark.parametrize("wrong", ["", "x", "gsk_aaaaaaaa_" + "0" * 32 + "_000000", "é" * 60])
def test_a_wrong_key_is_told_on_the_page(anonymous: FlaskClient, wrong: str) -> None:
    answer = sign_in(anonymous, wrong)

    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_key_that_may_not_see_the_dashboard_is_told_so(
    anonymous: FlaskClient, services: Services, settings: Settings
) -> None:
    answer = sign_in(anonymous, make_key(services, settings, "predict", "metrics").text)

    assert answer.status_code == 403
    assert "lacks the permission" in answer.text


def test_a_form_that_is_much_too_long_is_not_read(anonymous: FlaskClient) -> None:
    assert sign_in(anonymous, "x" * 10_000).status_code == 413


def test_who_guesses_is_stopped_as_everywhere(settings: Settings, key: str) -> None:
    services = build_services(replace(settings, failed_attempts_per_minute=5, workers=1))
    browser = create_app(settings, services).test_client()

    statuses = [sign_in(browser, f"gsk_aaaaaaaa_{number:032}_000000").status_code for number in range(10)]
    answer = sign_in(browser, key)
    services.close()

    assert statuses == [401] * 5 + [429] * 5
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("address", ["/dashboard/sign-in", "/dashboard/sign-out"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_on_another_page_does_nothing(anonymous: FlaskClient, key: str, address: str, site: str) -> None:
    sign_in(anonymous, key)

    answer = anonymous.post(address, data={"key": key}, headers={"Sec-Fetch-Site": site})

    assert (answer.status_code, answer.get_json()["error"]) == (403, "cross_site")
    assert "Set-Cookie" not in answer.headers
    assert see(anonymous) == 200


def test_who_signs_out_ends_the_session_for_those_too_who_copied_it(
    app: Flask, anonymous: FlaskClient, key: str
) -> None:
    sign_in(anonymous, key)
    thief = app.test_client()
    thief.set_cookie(SESSION_COOKIE, read_cookie(anonymous) or "", path="/dashboard")

    answer = anonymous.post("/dashboard/sign-out")

    assert (answer.status_code, answer.headers["Location"]) == (303, "../dashboard/sign-in")
    assert not read_cookie(anonymous)
    assert see(anonymous) == 303
    wait_for_refusal(lambda: see(thief))


def test_a_session_ends_with_its_key(anonymous: FlaskClient, services: Services, settings: Settings) -> None:
    key = make_key(services, settings, "admin")
    sign_in(anonymous, key.text)

    revoke_key(services, settings, key)

    wait_for_refusal(lambda: see(anonymous))
    led = anonymous.get("/dashboard", headers=BROWSER)
    assert "Your session has ended." in anonymous.get(f"/{led.headers['Location']}").text


def test_the_session_opens_nothing_else(anonymous: FlaskClient, key: str) -> None:
    sign_in(anonymous, key)
    session = read_cookie(anonymous)
    anonymous.set_cookie(SESSION_COOKIE, session or "", path="/")

    for address in ("/models", "/keys", "/model/info"):
        assert anonymous.get(address).status_code == 401
        assert anonymous.get(address, headers={"Authorization": f"Bearer {session}"}).status_code == 401
        assert anonymous.get(address, headers={"X-API-Key": session or ""}).status_code == 401


def test_a_token_for_scripts_is_no_session(app: Flask, anonymous: FlaskClient, key: str) -> None:
    token = anonymous.post("/auth/token", headers={"X-API-Key": key}).get_json()["token"]
    browser = app.test_client()
    browser.set_cookie(SESSION_COOKIE, token, path="/dashboard")

    assert see(browser) == 303
    assert browser.get("/dashboard", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_credential_in_the_header_counts_before_the_cookie(
    anonymous: FlaskClient, services: Services, settings: Settings, key: str
) -> None:
    sign_in(anonymous, key)
    other = make_key(services, settings, "predict").text

    assert anonymous.get("/dashboard", headers={"X-API-Key": other}).status_code == 403


def test_a_route_that_changes_something_takes_no_cookie() -> None:
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/change", view_func=require_auth("admin", takes_session=True)(lambda: ""), methods=["POST"])

    with pytest.raises(UnguardedRoute, match="takes no cookie"):
        check_every_route_is_guarded(app)


def wait_for_refusal(look: Callable[[], int]) -> None:
    """A session that was good may be believed for half a second."""
    wait_until(lambda: look() == 303, seconds=5)
