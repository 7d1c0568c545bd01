"""GET and POST /keys, DELETE /keys/<id> and POST /keys/<id>/rotate, as an operator calls them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.security.audit import AuditLog
from app.wiring.services import Services
from config.settings import Settings
from tests.api.builders import ROW, make_key

KEY = r"gsk_[0-9a-z]{8}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture
def operator(app: Flask, settings: Settings, services: Services) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_X_API_KEY"] = make_key(services, settings, "admin").text
    return client


def create(operator: FlaskClient, **wanted: Any) -> dict[str, Any]:
    answer = operator.post("/keys", json={"owner": "billing", "roles": ["web-backend"], **wanted})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.get_json()
    return body


def predict(anonymous: FlaskClient, key: str) -> TestResponse:
    return anonymous.post("/predict", json={"data": [ROW]}, headers={"X-API-Key": key})


def list_ids(operator: FlaskClient) -> list[str]:
    """The keys besides the operator's own."""
    return [key["id"] for key in operator.get("/keys").get_json()["keys"] if key["owner"] != "tests"]


def list_faults(answer: TestResponse) -> dict[str, str]:
    return {fault["field"]: fault["message"] for fault in answer.get_json()["errors"]}


class TestCreate:
    def test_a_key_is_shown_with_all_that_is_known_of_it(self, operator: FlaskClient, anonymous: FlaskClient) -> None:
        created = create(
            operator,
            permissions=["jobs"],
            expires_days=30,
            requests_per_minute=600,
            rows_per_minute=50_000,
            networks=["127.0.0.0/8"],
        )
        key = created.pop("key")
        assert re.fullmatch(KEY, key)
        assert re.fullmatch(MOMENT, created.pop("created_at"))
        assert re.fullmatch(MOMENT, created.pop("expires_at"))
        assert created == {
            "id": key[4:12],
            "owner": "billing",
            "permissions": ["feedback", "jobs", "predict"],
            "state": "active",
            "revoked_at": None,
            "last_used_at": None,
            "replaced_by": None,
            "requests_per_minute": 600,
            "rows_per_minute": 50_000,
            "networks": ["127.0.0.0/8"],
        }
        assert predict(anonymous, key).status_code == 200

    def test_no_cache_on_the_way_keeps_it(self, operator: FlaskClient) -> None:
        answer = operator.post("/keys", json={"owner": "billing", "roles": ["scorer"]})
        assert answer.headers["Cache-Control"] == "no-store"

    def test_every_fault_of_a_wish_is_listed(self, operator: FlaskClient) -> None:
        wish = {
            "owner": "",
            "roles": ["root"],
            "permissions": "predict",
            "expires_days": 0,
            "requests_per_minute": "10",
            "rows_per_minute": 1.5,
            "networks": [1],
            "secret": "mine",
        }
        answer = operator.post("/keys", json=wish)
        assert answer.status_code == 422
        assert list_faults(answer) == {
            "owner": "Length must be between 1 and 200.",
            "roles[0]": "Must be one of: web-backend, analyst, scorer, prometheus, operator.",
            "permissions": "Not a valid list.",
            "expires_days": "Must be greater than or equal to 1 and less than or equal to 36500.",
            "requests_per_minute": "Not a valid integer.",
            "rows_per_minute": "Not a valid integer.",
            "networks[0]": "Not a valid string.",
            "secret": "This field is not known here.",
        }
        assert list_ids(operator) == []

    @pytest.mark.parametrize(
        ("wish", "code"),
        [
            ({"roles": []}, "unknown_permission"),
            ({"owner": "two\nlines"}, "invalid_owner"),
            ({"owner": "right\u202eleft"}, "invalid_owner"),
            ({"networks": ["10.1.2.3/8"]}, "invalid_network"),
        ],
    )
    def test_what_no_schema_can_say_is_a_bad_request(
        self, operator: FlaskClient, wish: dict[str, Any], code: str
    ) -> None:
        answer = operator.post("/keys", json={"owner": "billing", "roles": ["scorer"], **wish})
        assert (answer.status_code, answer.get_json()["error"]) == (400, code)
        assert list_ids(operator) == []


class TestList:
    def test_keys_come_without_their_secrets(self, operator: FlaskClient) -> None:
        created = create(operator)
        answer = operator.get("/keys")
        text, listed = created.pop("key"), answer.get_json()["keys"]
        assert [key for key in listed if key["owner"] == "billing"] == [created]
        assert text[13:45] not in answer.text

    def test_it_says_when_a_key_was_last_used(
        self, operator: FlaskClient, anonymous: FlaskClient, services: Services
    ) -> None:
        key = create(operator)["key"]
        predict(anonymous, key)
        services.last_uses.close()
        (listed,) = (each for each in operator.get("/keys").get_json()["keys"] if each["id"] == key[4:12])
        assert re.fullmatch(MOMENT, listed["last_used_at"])


class TestRevoke:
    def test_a_revoked_key_is_refused(self, operator: FlaskClient, anonymous: FlaskClient) -> None:
        created = create(operator)
        answer = operator.delete(f"/keys/{created['id']}")
        body, key = answer.get_json(), created.pop("key")
        assert answer.status_code == 200
        assert re.fullmatch(MOMENT, body.pop("revoked_at"))
        assert body == {name: value for name, value in {**created, "state": "revoked"}.items() if name != "revoked_at"}
        assert predict(anonymous, key).status_code == 401
        assert operator.delete(f"/keys/{created['id']}").status_code == 200

    @pytest.mark.parametrize("id", ["zzzzzzzz", "%00", "..%2f..", "'%20OR%201=1", "x" * 5000])
    def test_an_unknown_one_is_not_found(self, operator: FlaskClient, id: str) -> None:
        assert operator.delete(f"/keys/{id}").status_code == 404


class TestRotate:
    def test_both_keys_are_good_during_the_overlap(self, operator: FlaskClient, anonymous: FlaskClient) -> None:
        first = create(operator, rows_per_minute=5000)
        answer = operator.post(f"/keys/{first['id']}/rotate", json={})
        body = answer.get_json()
        assert answer.status_code == 201
        assert body["replaces"]["id"] == first["id"]
        assert body["replaces"]["replaced_by"] == body["id"]
        assert [body["owner"], body["permissions"], body["rows_per_minute"]] == [
            "billing",
            ["feedback", "predict"],
            5000,
        ]
        assert [predict(anonymous, key).status_code for key in (first["key"], body["key"])] == [200, 200]

    def test_without_overlap_the_old_one_ends_at_once(self, operator: FlaskClient, anonymous: FlaskClient) -> None:
        first = create(operator)
        second = operator.post(f"/keys/{first['id']}/rotate", json={"overlap_hours": 0}).get_json()
        assert [predict(anonymous, key).status_code for key in (first["key"], second["key"])] == [401, 200]

    def test_a_key_is_replaced_once(self, operator: FlaskClient) -> None:
        id = create(operator)["id"]
        assert operator.post(f"/keys/{id}/rotate", json={}).status_code == 201
        again = operator.post(f"/keys/{id}/rotate", json={})
        assert (again.status_code, again.get_json()["error"]) == (409, "key_already_rotated")

    @pytest.mark.parametrize("hours", [-1, 2161, 1.5, "24", None, True])
    def test_an_impossible_overlap_is_refused(self, operator: FlaskClient, hours: object) -> None:
        id = create(operator)["id"]
        answer = operator.post(f"/keys/{id}/rotate", json={"overlap_hours": hours})
        assert answer.status_code == 422
        assert list(list_faults(answer)) == ["overlap_hours"]
        assert list_ids(operator) == [id]


def test_acts_by_http_are_audited_under_the_key_that_asked(operator: FlaskClient, services: Services) -> None:
    by = f"key:{operator.environ_base['HTTP_X_API_KEY'][4:12]}"
    id = create(operator)["id"]
    operator.post(f"/keys/{id}/rotate", json={})
    operator.delete(f"/keys/{id}")
    acts = [(entry.actor, entry.action, entry.target) for entry in AuditLog(services.database).list()]
    assert acts == [(by, action, f"key:{id}") for action in ("revoke_key", "rotate_key", "create_key")]
