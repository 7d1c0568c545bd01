from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from app.api.guard import find_guard
from app.api.openapi.document import OpenApiDocument
from app.api.openapi.operation import find_operation
from app.wiring.services import Services
from tests.api.builders import ROW, make_loaded_release

PAGES = {"docs", "dashboard", "sign_in"}


@pytest.fixture
def fetch_document(anonymous: FlaskClient) -> Callable[[], dict[str, Any]]:
    def fetch() -> dict[str, Any]:
        document: dict[str, Any] = anonymous.get("/openapi.json").get_json()
        return document

    return fetch


def check_against(document: dict[str, Any], schema: dict[str, Any], instance: Any) -> None:
    OAS31Validator({**schema, "components": document["components"]}).validate(instance)


def fits_row(document: dict[str, Any], row: Any) -> bool:
    schema = {"$ref": "#/components/schemas/Row", "components": document["components"]}
    return bool(OAS31Validator(schema).is_valid(row))


def test_the_document_is_valid_openapi(fetch_document: Callable[[], dict[str, Any]], services: Services) -> None:
    validate(fetch_document())

    services.active.current = None
    validate(fetch_document())


def write_path(rule: str) -> str:
    """A rule of Flask as a path of OpenAPI."""
    return rule.replace("<", "{").replace(">", "}")


def test_every_route_that_is_no_page_is_in_the_document(
    app: Flask, fetch_document: Callable[[], dict[str, Any]]
) -> None:
    routes = {write_path(rule.rule) for rule in app.url_map.iter_rules() if rule.endpoint.split(".")[0] not in PAGES}
    routes.add("/dashboard")

    assert set(fetch_document()["paths"]) == routes


def test_the_document_asks_for_a_key_where_the_guard_does(
    app: Flask, fetch_document: Callable[[], dict[str, Any]]
) -> None:
    paths = fetch_document()["paths"]
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        guard = find_guard(view)
        if find_operation(view) is None or guard is None:
            continue
        for operation in paths[write_path(rule.rule)].values():
            assert ("security" in operation) != guard.is_public
            assert ("401" in operation["responses"]) != guard.is_public
            assert f"`{guard.permission}`" in operation["description"] or guard.permission is None


def test_the_features_of_the_active_model_are_in_the_document(fetch_document: Callable[[], dict[str, Any]]) -> None:
    row = fetch_document()["components"]["schemas"]["Row"]

    assert sorted(row["required"]) == ["contract", "senior", "since", "tenure"]
    assert row["properties"] == {
        "tenure": {
            "type": "integer",
            "description": "A whole number, or its exact text. Training saw 0 to 72.",
            "x-training-range": {"minimum": 0, "maximum": 72},
            "examples": [1],
        },
        "contract": {
            "type": "string",
            "description": "A category. Training saw Month-to-month, One year.",
            "x-training-categories": ["Month-to-month", "One year"],
            "examples": ["Month-to-month"],
        },
        "senior": {
            "type": "integer",
            "description": "A whole number, or its exact text. Only 0 or 1.",
            "enum": [0, 1],
            "examples": [0],
        },
        "since": {
            "type": ["string", "null"],
            "description": "A date as ISO 8601 text or in the format %d.%m.%Y. Training saw 2020-01-01 to 2024-12-31.",
            "x-training-range": {"minimum": "2020-01-01", "maximum": "2024-12-31"},
            "examples": ["2023-05-01"],
        },
    }


def test_the_example_of_a_request_is_answered(
    client: FlaskClient, fetch_document: Callable[[], dict[str, Any]]
) -> None:
    body = fetch_document()["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]

    answer = client.post("/predict", json=body["example"])

    assert answer.status_code == 200
    check_against(fetch_document(), body["schema"], body["example"])


def test_the_document_follows_the_active_model(
    fetch_document: Callable[[], dict[str, Any]], services: Services
) -> None:
    services.active.current = make_loaded_release(version="4")
    assert "churn, version 4" in fetch_document()["info"]["description"]

    services.active.current = None
    document = fetch_document()
    assert "No model is active" in document["info"]["description"]
    assert "properties" not in document["components"]["schemas"]["Row"]

    services.active.current = make_loaded_release(version="5")
    assert "churn, version 5" in fetch_document()["info"]["description"]


@pytest.mark.parametrize(
    ("row", "fits"),
    [
        (ROW, True),
        ({**ROW, "since": None}, True),
        ({**ROW, "tenure": 5000}, True),
        ({**ROW, "contract": "Ten years"}, True),
        ({**ROW, "another": 1}, True),
        ({**ROW, "senior": 2}, False),
        ({**ROW, "tenure": None}, False),
        ({**ROW, "tenure": 1.5}, False),
        ({**ROW, "contract": 7}, False),
        ({"tenure": 1}, False),
        ([], False),
    ],
)
def test_the_document_and_the_service_agree_on_a_row(
    client: FlaskClient, fetch_document: Callable[[], dict[str, Any]], row: Any, fits: bool
) -> None:
    assert fits_row(fetch_document(), row) == fits
    assert client.post("/predict", json={"data": [row]}).status_code == (200 if fits else 422)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/predict", {"data": [ROW]}),
        ("post", "/predict", {"data": [{**ROW, "contract": "Ten years"}]}),
        ("post", "/predict", {"data": [{}]}),
        ("post", "/predict", {"data": [ROW], "x": 1}),
        ("get", "/model/info", None),
        ("get", "/model/schema", None),
        ("get", "/health", None),
        ("get", "/health/live", None),
        ("get", "/health/ready", None),
    ],
)
@pytest.mark.parametrize("with_model", [True, False])
def test_answers_are_as_the_document_says(
    client: FlaskClient,
    services: Services,
    fetch_document: Callable[[], dict[str, Any]],
    method: str,
    path: str,
    body: Any,
    with_model: bool,
) -> None:
    document = fetch_document()
    if not with_model:
        services.active.current = None

    answer = client.open(path, method=method, json=body)

    described = document["paths"][path][method]["responses"][str(answer.status_code)]
    check_against(document, described["content"][answer.mimetype]["schema"], answer.get_json())
    assert ("Retry-After" in answer.headers) == (answer.status_code == 503)


def test_many_who_ask_at_once_have_it_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    written = list[int]()

    def describe_slowly(*_: object) -> dict[str, str]:
        written.append(1)
        time.sleep(0.1)
        return {"openapi": "3.1.0"}

    monkeypatch.setattr("app.api.openapi.document.describe_api", describe_slowly)
    document = OpenApiDocument([])
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: document.render(None), range(4)))
    assert answers == [b'{"openapi":"3.1.0"}'] * 4
    assert written == [1]
