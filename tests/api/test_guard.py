from __future__ import annotations

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from app.api import register_blueprints
from app.api.guard import Guard, UnguardedRoute, check_every_route_is_guarded, find_guard, require_auth
from app.security.permissions import PERMISSIONS, Permission, permits
from app.wiring.services import Services
from config.settings import Settings
from tests.api.builders import ROW, make_key, revoke_key

CHALLENGE = 'ApiKey realm="gluonserve", header="X-API-Key"'
PUBLIC = {
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/ping"),
    ("GET", "/v2/health/live"),
    ("GET", "/v2/health/ready"),
    ("GET", "/v2/models/<name>/ready"),
    ("GET", "/v2/models/<name>/versions/<version>/ready"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/errors"),
    ("GET", "/docs/assets/<name>"),
    ("GET", "/dashboard/assets/<file>"),
    ("GET", "/dashboard/sign-in"),
    ("POST", "/dashboard/sign-in"),
    ("POST", "/dashboard/sign-out"),
}


def list_routes() -> list[tuple[str, str, Guard]]:
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    register_blueprints(app)
    routes = []
    for rule in app.url_map.iter_rules():
        guard = find_guard(app.view_functions[rule.endpoint])
        assert guard is not None
        routes += [(method, rule.rule, guard) for method in sorted(rule.methods or ())]
    return routes


ROUTES = list_routes()
GUARDED = [(method, path, guard.permission) for method, path, guard in ROUTES if guard.permission is not None]
guarded_routes = pytest.mark.parametrize(("method", "path", "permission"), GUARDED)
guarded_addresses = pytest.mark.parametrize(
    ("method", "path"), [(method, path) for method, path, guard in ROUTES if not guard.is_public]
)


def test_only_what_the_contract_calls_public_is_public() -> None:
    public = {(method, path) for method, path, guard in ROUTES if guard.is_public and method != "HEAD"}

    assert public == PUBLIC
    predicting = {path for _, path, guard in ROUTES if guard.permission == "predict"}
    assert {path for path in predicting if not path.startswith("/v2")} == {"/predict", "/invocations"}
    assert {path for _, path, guard in ROUTES if guard.permission == "model_info"} == {"/model/info", "/model/schema"}


@guarded_addresses
def test_without_a_key_nothing_is_told(anonymous: FlaskClient, method: str, path: str) -> None:
    answer = anonymous.open(path, method=method, data=b"not even json", headers={"X-Request-ID": "r1"})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == CHALLENGE
    if method != "HEAD":
        assert answer.get_json() == {
            "type": "/docs/errors#missing_api_key",
            "title": "No valid credential",
            "status": 401,
            "detail": "Send an API key in the X-API-Key header.",
            "error": "missing_api_key",
            "request_id": "r1",
        }


@guarded_addresses
@pytest.mark.parametrize("key", ["x", "gsk_aaaaaaaa_" + "0" * 32 + "_000000", "é" * 52, "0" * 10_000])
def test_an_unknown_key_is_refused(anonymous: FlaskClient, method: str, path: str, key: str) -> None:
    answer = anonymous.open(path, method=method, headers={"X-API-Key": key})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == CHALLENGE


@guarded_routes
def test_a_revoked_key_is_refused(
    anonymous: FlaskClient, services: Services, settings: Settings, method: str, path: str, permission: Permission
) -> None:
    key = make_key(services, settings, permission)
    revoke_key(services, settings, key)

    answer = anonymous.open(path, method=method, headers={"X-API-Key": key.text})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == CHALLENGE


@guarded_routes
def test_a_key_without_the_permission_is_told_which_it_lacks(
    anonymous: FlaskClient, services: Services, settings: Settings, method: str, path: str, permission: Permission
) -> None:
    others = [name for name in PERMISSIONS if not permits({name}, permission)]
    key = make_key(services, settings, *others)

    answer = anonymous.open(path, method=method, headers={"X-API-Key": key.text, "X-Request-ID": "r1"})

    assert answer.status_code == 403
    if method != "HEAD":
        assert answer.get_json() == {
            "type": "/docs/errors#permission_denied",
            "title": "Not permitted",
            "status": 403,
            "detail": f"This key lacks the permission '{permission}'.",
            "error": "permission_denied",
            "request_id": "r1",
        }


def test_without_the_database_of_keys_the_caller_is_told_to_come_back(
    anonymous: FlaskClient, services: Services, settings: Settings
) -> None:
    key = make_key(services, settings, "predict")
    database = settings.home / "gluonserve.db"
    database.with_name(f"{database.name}-wal").unlink(missing_ok=True)
    database.write_bytes(b"this is no database" * 1000)

    answer = anonymous.post("/predict", json={"data": [ROW]}, headers={"X-API-Key": key.text})

    assert answer.status_code == 503
    assert answer.get_json()["error"] == "keys_unavailable"
    assert int(answer.headers["Retry-After"]) > 0


def test_the_view_knows_its_caller(app: Flask, services: Services, settings: Settings) -> None:
    @require_auth("predict")
    def tell_owner() -> str:
        return str(g.caller.key.owner)

    app.add_url_rule("/owner", view_func=tell_owner)
    key = make_key(services, settings, "predict")

    assert app.test_client().get("/owner", headers={"X-API-Key": key.text}).text == "tests"


def test_a_route_without_a_guard_stops_the_start() -> None:
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/forgotten", view_func=lambda: "")

    with pytest.raises(UnguardedRoute, match="/forgotten"):
        check_every_route_is_guarded(app)
