"""What every role gets from every route, as one table: a route without a row, or with another answer, is a fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from app.security.permissions import ROLES
from app.wiring.services import Services
from config.settings import Settings
from tests.api.builders import ROW, make_key

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
NOBODY = "nobody"
COLUMNS = (NOBODY, "web-backend", "analyst", "scorer", "prometheus", "operator")

# Where nothing is published and no such key exists, a caller who may act is told that it is not found, or in conflict.
TABLE = """
    GET    /health                            200  200  200  200  200  200
    GET    /health/live                       200  200  200  200  200  200
    GET    /health/ready                      200  200  200  200  200  200
    GET    /openapi.json                      200  200  200  200  200  200
    GET    /docs                              200  200  200  200  200  200
    GET    /docs/errors                       200  200  200  200  200  200
    GET    /docs/assets/<name>                200  200  200  200  200  200
    GET    /dashboard                         401  403  403  403  403  200
    GET    /dashboard/sections                401  403  403  403  403  200
    GET    /dashboard/drift/<version>         401  403  403  403  403  404
    GET    /dashboard/assets/<file>           200  200  200  200  200  200
    GET    /dashboard/sign-in                 200  200  200  200  200  200
    POST   /dashboard/sign-in                 401  401  401  401  401  401
    POST   /dashboard/sign-out                303  303  303  303  303  303
    POST   /predict                           401  200  200  403  403  403
    GET    /ping                              200  200  200  200  200  200
    POST   /invocations                       401  200  200  403  403  403
    GET    /v2                                401  200  200  403  403  403
    GET    /v2/health/live                    200  200  200  200  200  200
    GET    /v2/health/ready                   200  200  200  200  200  200
    GET    /v2/models/<name>                  401  404  404  403  403  403
    GET    /v2/models/<name>/ready            404  404  404  404  404  404
    POST   /v2/models/<name>/infer            401  404  404  403  403  403
    GET    /v2/models/<name>/versions/<version>         401  404  404  403  403  403
    GET    /v2/models/<name>/versions/<version>/ready   404  404  404  404  404  404
    POST   /v2/models/<name>/versions/<version>/infer   401  404  404  403  403  403
    POST   /feedback                          401  200  403  403  403  403
    GET    /model/info                        401  403  200  403  403  200
    GET    /model/schema                      401  403  200  403  403  200
    GET    /models                            401  403  403  403  403  200
    POST   /models/<version>/activate         401  403  403  403  403  404
    POST   /models/rollback                   401  403  403  403  403  409
    POST   /models/<version>/canary           401  403  403  403  403  404
    POST   /models/<version>/shadow           401  403  403  403  403  404
    GET    /models/candidate                  401  403  403  403  403  404
    DELETE /models/candidate                  401  403  403  403  403  404
    POST   /models/candidate/promote          401  403  403  403  403  404
    GET    /jobs                              401  403  403  200  403  403
    POST   /jobs                              401  403  403  415  403  403
    GET    /jobs/<id>                         401  403  403  404  403  403
    DELETE /jobs/<id>                         401  403  403  404  403  403
    GET    /jobs/<id>/result                  401  403  403  404  403  403
    GET    /metrics                           401  403  403  403  200  200
    GET    /keys                              401  403  403  403  403  200
    POST   /keys                              401  403  403  403  403  201
    DELETE /keys/<id>                         401  403  403  403  403  404
    POST   /keys/<id>/rotate                  401  403  403  403  403  404
    POST   /auth/token                        401  200  200  200  200  200
    POST   /auth/revoke                       401  400  400  400  400  400
"""
# With a token everybody gets what its key gets, but for what would outlive the token.
KEYS_ONLY = {("POST", "/keys"), ("POST", "/keys/<id>/rotate"), ("POST", "/auth/token")}
BODIES: dict[str, dict[str, Any]] = {
    "/predict": {"data": [ROW]},
    "/invocations": {"dataframe_records": [ROW]},
    "/feedback": {"outcomes": [{"prediction_id": f"{'0' * 24}-0", "outcome": "Yes"}]},
    "/models/<version>/canary": {"share": 0.5},
    "/models/<version>/shadow": {"share": 0.5},
    "/keys": {"owner": "billing", "roles": ["scorer"]},
    "/keys/<id>/rotate": {},
}


@dataclass(frozen=True)
class Row:
    """One line of the table: role to status."""

    method: str
    path: str
    statuses: dict[str, int]


def read_table() -> list[Row]:
    lines = [line.split() for line in TABLE.strip().splitlines()]
    return [Row(method, path, dict(zip(COLUMNS, map(int, statuses), strict=True))) for method, path, *statuses in lines]


ROWS = read_table()
every_row = pytest.mark.parametrize("row", ROWS, ids=[f"{row.method} {row.path}" for row in ROWS])


@pytest.fixture
def keys(services: Services, settings: Settings) -> dict[str, str | None]:
    """A key for each role, and none for nobody."""
    made = {role: make_key(services, settings, *permissions).text for role, permissions in ROLES.items()}
    return {NOBODY: None, **made}


def list_routes(app: Flask) -> set[tuple[str, str]]:
    return {(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods or ()}


def call(app: Flask, method: str, path: str, key: str | None, header: str = "X-API-Key") -> int:
    address = (
        path.replace("<version>", "999")
        .replace("<id>", "zzzzzzzz")
        .replace("<name>", "docs.js")
        .replace("<file>", "icon.svg")
    )
    body = BODIES.get(path) if method == "POST" else None
    return (
        app.test_client()
        .open(address, method=method, json=body, headers={} if key is None else {header: key})
        .status_code
    )


def ask_for_each(app: Flask, method: str, path: str, keys: dict[str, str | None]) -> dict[str, int]:
    return {role: call(app, method, path, key) for role, key in keys.items()}


def test_the_columns_are_the_roles() -> None:
    assert (NOBODY, *ROLES) == COLUMNS


def test_the_table_has_a_row_for_every_route(app: Flask) -> None:
    assert {(row.method, row.path) for row in ROWS} == {route for route in list_routes(app) if route[0] != "HEAD"}


@every_row
def test_every_role_gets_what_the_table_says(app: Flask, keys: dict[str, str | None], row: Row) -> None:
    assert ask_for_each(app, row.method, row.path, keys) == row.statuses


@every_row
def test_a_token_of_every_role_gets_what_its_key_gets(app: Flask, keys: dict[str, str | None], row: Row) -> None:
    for role in ROLES:
        answer = app.test_client().post("/auth/token", headers={"X-API-Key": keys[role] or ""})
        status = call(app, row.method, row.path, f"Bearer {answer.get_json()['token']}", "Authorization")
        is_refused = (row.method, row.path) in KEYS_ONLY
        # A token that is revoked without being named is the one that was sent.
        allowed = 200 if row.path == "/auth/revoke" else row.statuses[role]
        assert status == (403 if is_refused else allowed)


@pytest.mark.parametrize("row", [row for row in ROWS if row.method == "GET"], ids=lambda row: str(row.path))
def test_head_is_guarded_as_get_is(app: Flask, keys: dict[str, str | None], row: Row) -> None:
    assert ask_for_each(app, "HEAD", row.path, keys) == row.statuses


def test_another_method_is_refused_for_everybody(app: Flask, keys: dict[str, str | None]) -> None:
    routes = list_routes(app)
    others = [(method, row.path) for row in ROWS for method in METHODS if (method, row.path) not in routes]

    for role in (NOBODY, "operator"):
        answers = {(method, path): call(app, method, path, keys[role]) for method, path in others}
        assert {route: status for route, status in answers.items() if status != 405} == {}


@pytest.mark.parametrize("endpoint", ["models.list_models", "keys.create_key", "prediction.predict"])
def test_a_view_without_its_guard_is_found(app: Flask, keys: dict[str, str | None], endpoint: str) -> None:
    (rule,) = app.url_map.iter_rules(endpoint)
    (row,) = (row for row in ROWS if row.path == rule.rule and row.method in (rule.methods or ()))
    app.view_functions[endpoint] = app.view_functions[endpoint].__dict__["__wrapped__"]

    assert call(app, row.method, row.path, keys[NOBODY]) not in (401, 403)
