"""POST /auth/token and /auth/revoke, and what a token lets its holder do."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.api.guard import require_auth
from app.database import revoked_tokens
from app.security.audit import AuditLog
from app.security.keys.store import KeyStore, NewKey
from app.wiring.services import Services
from config.settings import Settings, require_secret
from tests.api.builders import ROW, make_key, revoke_key

BEARER_CHALLENGE = 'Bearer realm="gluonserve", error="invalid_token"'
SECONDS_IN_MEMORY = 0.5


@pytest.fixture
def key(services: Services, settings: Settings) -> NewKey:
    return make_key(services, settings, "predict", "model_info")


def ask(client: FlaskClient, key: NewKey, body: Any = None) -> TestResponse:
    return client.post("/auth/token", json=body, headers={"X-API-Key": key.text})


def make_token(client: FlaskClient, key: NewKey, **body: Any) -> str:
    token: str = ask(client, key, body or None).get_json()["token"]
    return token


def call(client: FlaskClient, path: str, token: str, *, method: str = "GET", body: Any = None) -> TestResponse:
    return client.open(path, method=method, json=body, headers={"Authorization": f"Bearer {token}"})


class TestMaking:
    def test_without_a_body_the_token_may_all_that_its_key_may_for_a_quarter_of_an_hour(
        self, anonymous: FlaskClient, key: NewKey
    ) -> None:
        answer = ask(anonymous, key)

        made = answer.get_json()
        claims = jwt.decode(made["token"], options={"verify_signature": False})
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert made == {
            "token": made["token"],
            "token_type": "Bearer",
            "expires_in": 900,
            "token_id": claims["jti"],
            "permissions": ["model_info", "predict"],
        }
        assert (claims["sub"], claims["exp"] - claims["iat"]) == (key.record.id, 900)

    def test_a_part_of_the_permissions_and_another_lifetime_can_be_asked_for(
        self, anonymous: FlaskClient, key: NewKey
    ) -> None:
        made = ask(anonymous, key, {"permissions": ["predict"], "lifetime_seconds": 60}).get_json()

        assert (made["permissions"], made["expires_in"]) == (["predict"], 60)
        assert call(anonymous, "/predict", made["token"], method="POST", body={"data": [ROW]}).status_code == 200
        refusal = call(anonymous, "/model/info", made["token"])
        assert (refusal.status_code, refusal.get_json()["detail"]) == (
            403,
            "This token lacks the permission 'model_info'.",
        )

    def test_a_token_cannot_do_more_than_its_key(self, anonymous: FlaskClient, key: NewKey) -> None:
        answer = ask(anonymous, key, {"permissions": ["predict", "admin"]})

        assert (answer.status_code, answer.get_json()["error"]) == (403, "permission_denied")
        assert "'admin'" in answer.get_json()["detail"]

    def test_an_administrator_may_ask_for_what_admin_includes(
        self, anonymous: FlaskClient, services: Services, settings: Settings
    ) -> None:
        token = make_token(anonymous, make_key(services, settings, "admin"), permissions=["model_info"])

        assert call(anonymous, "/model/info", token).status_code == 200
        assert call(anonymous, "/models", token).status_code == 403

    def test_a_token_makes_no_token(self, anonymous: FlaskClient, key: NewKey) -> None:
        answer = call(anonymous, "/auth/token", make_token(anonymous, key), method="POST")

        assert (answer.status_code, answer.get_json()["error"]) == (403, "api_key_required")

    def test_a_token_ends_with_its_key_at_the_latest(
        self, anonymous: FlaskClient, services: Services, settings: Settings
    ) -> None:
        keys = KeyStore(services.database, require_secret(settings))
        brief = keys.create("tests", ["predict"], timedelta(seconds=100))

        assert 99 <= ask(anonymous, brief).get_json()["expires_in"] <= 101

    @pytest.mark.parametrize(
        "body",
        [
            {"lifetime_seconds": 3601},
            {"lifetime_seconds": 0},
            {"lifetime_seconds": -1},
            {"lifetime_seconds": 1.5},
            {"lifetime_seconds": "60"},
            {"lifetime_seconds": True},
            {"lifetime_seconds": None},
            {"lifetime_seconds": 10**30},
            {"permissions": []},
            {"permissions": ["root"]},
            {"permissions": "predict"},
            {"permissions": [["predict"]]},
            {"permissions": ["predict"] * 100},
            {"sub": "somebody"},
            [],
        ],
    )
    def test_what_cannot_be_asked_for_is_told(self, anonymous: FlaskClient, key: NewKey, body: Any) -> None:
        answer = ask(anonymous, key, body)

        assert (answer.status_code, answer.get_json()["error"]) == (422, "invalid_body")

    def test_a_body_has_to_be_json(self, anonymous: FlaskClient, key: NewKey) -> None:
        answer = anonymous.post("/auth/token", data=b"permissions=admin", headers={"X-API-Key": key.text})

        assert answer.status_code == 415


class TestUsing:
    def test_the_caller_is_the_holder_of_the_key(self, app: Flask, key: NewKey) -> None:
        @require_auth("predict")
        def tell() -> dict[str, Any]:
            return {"id": g.caller.id, "owner": g.caller.key.owner, "token": g.caller.token.id}

        app.add_url_rule("/caller", view_func=tell)
        client = app.test_client()
        made = ask(client, key).get_json()

        assert call(client, "/caller", made["token"]).get_json() == {
            "id": key.record.id,
            "owner": "tests",
            "token": made["token_id"],
        }

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
    def test_the_scheme_is_written_in_any_case(self, anonymous: FlaskClient, key: NewKey, scheme: str) -> None:
        token = make_token(anonymous, key)

        assert anonymous.get("/model/info", headers={"Authorization": f"{scheme} {token}"}).status_code == 200

    def test_two_credentials_are_refused_even_when_both_are_good(self, anonymous: FlaskClient, key: NewKey) -> None:
        token = make_token(anonymous, key)

        answer = anonymous.get("/model/info", headers={"Authorization": f"Bearer {token}", "X-API-Key": key.text})

        assert (answer.status_code, answer.get_json()["error"]) == (401, "two_credentials")
        assert answer.headers["WWW-Authenticate"] == 'ApiKey realm="gluonserve", header="X-API-Key"'

    @pytest.mark.parametrize("authorization", ["Basic dXNlcjpwYXNz", "Digest x", "", "Bearer\tx", "token"])
    def test_another_scheme_is_left_to_whom_it_is_meant_for(
        self, anonymous: FlaskClient, key: NewKey, authorization: str
    ) -> None:
        with_key = anonymous.get("/model/info", headers={"Authorization": authorization, "X-API-Key": key.text})
        alone = anonymous.get("/model/info", headers={"Authorization": authorization})

        assert with_key.status_code == 200
        assert (alone.status_code, alone.get_json()["error"]) == (401, "missing_api_key")

    def test_a_token_in_place_of_a_key_is_no_key(self, anonymous: FlaskClient, key: NewKey) -> None:
        token = make_token(anonymous, key)

        assert anonymous.get("/model/info", headers={"X-API-Key": token}).status_code == 401
        assert call(anonymous, "/model/info", key.text).status_code == 401

    def test_a_token_is_good_only_where_its_key_is(
        self, anonymous: FlaskClient, services: Services, settings: Settings
    ) -> None:
        keys = KeyStore(services.database, require_secret(settings))
        bound = keys.create("tests", ["model_info"], networks=["127.0.0.0/8"])
        token = make_token(anonymous, bound)

        inside = anonymous.get("/model/info", headers={"Authorization": f"Bearer {token}"})
        outside = anonymous.get(
            "/model/info", headers={"Authorization": f"Bearer {token}"}, environ_base={"REMOTE_ADDR": "10.0.0.1"}
        )

        assert (inside.status_code, outside.status_code) == (200, 403)
        assert outside.get_json()["error"] == "network_not_permitted"

    def test_a_token_ends_by_itself(self, anonymous: FlaskClient, key: NewKey) -> None:
        short, long = (make_token(anonymous, key, lifetime_seconds=seconds) for seconds in (1, 60))
        time.sleep(1.1)

        answers = [call(anonymous, "/model/info", token).status_code for token in (short, long)]
        assert answers == [401, 200]

    def test_with_its_key_a_token_is_revoked(
        self, anonymous: FlaskClient, services: Services, settings: Settings, key: NewKey
    ) -> None:
        token = make_token(anonymous, key)
        assert call(anonymous, "/model/info", token).status_code == 200
        revoke_key(services, settings, key)
        time.sleep(SECONDS_IN_MEMORY)

        answer = call(anonymous, "/model/info", token)

        assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_token")
        assert answer.headers["WWW-Authenticate"] == BEARER_CHALLENGE


class TestRevoking:
    def test_a_token_ends_itself(self, anonymous: FlaskClient, key: NewKey, services: Services) -> None:
        made, other = ask(anonymous, key).get_json(), make_token(anonymous, key)
        answer = call(anonymous, "/auth/revoke", made["token"], method="POST")
        time.sleep(SECONDS_IN_MEMORY)

        assert (answer.status_code, answer.get_json()) == (200, {"revoked": made["token_id"]})
        assert call(anonymous, "/model/info", made["token"]).status_code == 401
        assert call(anonymous, "/model/info", other).status_code == 200
        (entry,) = AuditLog(services.database).list()
        assert (entry.actor, entry.action, entry.target) == (
            f"key:{key.record.id}",
            "revoke_token",
            f"token {made['token_id']}",
        )

    def test_a_key_ends_its_tokens_by_their_ids(self, anonymous: FlaskClient, key: NewKey) -> None:
        made = ask(anonymous, key).get_json()
        answer = anonymous.post("/auth/revoke", json={"token_id": made["token_id"]}, headers={"X-API-Key": key.text})

        assert answer.get_json() == {"revoked": made["token_id"]}
        assert call(anonymous, "/model/info", made["token"]).status_code == 401, "it was not in memory yet"

    def test_a_key_cannot_end_the_tokens_of_another_and_an_administrator_can(
        self, anonymous: FlaskClient, services: Services, settings: Settings, key: NewKey
    ) -> None:
        stranger, admin = make_key(services, settings, "predict"), make_key(services, settings, "admin")
        made = ask(anonymous, key).get_json()
        body = {"token_id": made["token_id"]}

        anonymous.post("/auth/revoke", json=body, headers={"X-API-Key": stranger.text})
        assert call(anonymous, "/model/info", made["token"]).status_code == 200
        anonymous.post("/auth/revoke", json=body, headers={"X-API-Key": admin.text})
        time.sleep(SECONDS_IN_MEMORY)
        assert call(anonymous, "/model/info", made["token"]).status_code == 401

    @pytest.mark.parametrize(
        ("body", "code"),
        [(None, "missing_token_id"), ({}, "missing_token_id"), ({"token_id": "x"}, "invalid_token_id")],
    )
    def test_nothing_to_revoke_is_told(
        self, anonymous: FlaskClient, services: Services, key: NewKey, body: Any, code: str
    ) -> None:
        answer = anonymous.post("/auth/revoke", json=body, headers={"X-API-Key": key.text})

        assert (answer.status_code, answer.get_json()["error"]) == (400, code)
        with services.database.begin() as connection:
            assert connection.execute(select(revoked_tokens)).all() == []
