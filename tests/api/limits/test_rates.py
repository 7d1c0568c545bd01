"""Requests and rows per minute over HTTP: the refusal, its headers, and what is said before it comes to that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.wiring.services import build_services
from tests.api.builders import ROW, make_key, make_loaded_release, make_settings

Make = Callable[..., FlaskClient]
REQUEST = {"data": [ROW]}


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[Make]:
    """A client with a key of an application with one worker and some settings."""
    opened = []

    def make(**changes: Any) -> FlaskClient:
        settings = make_settings(tmp_path, workers=1, **changes)
        services = build_services(settings)
        opened.append(services)
        services.active.current = make_loaded_release()
        client = create_app(settings, services).test_client()
        client.environ_base["HTTP_X_API_KEY"] = make_key(services, settings, "predict", "model_info").text
        return client

    yield make
    for services in opened:
        services.close()


def predict(client: FlaskClient, rows: int = 1) -> TestResponse:
    return client.post("/predict", json={"data": [ROW] * rows}, headers={"X-Request-ID": "r1"})


def test_without_limits_no_answer_speaks_of_them(make_client: Make) -> None:
    client = make_client()
    answers = [predict(client) for _ in range(30)]
    assert {answer.status_code for answer in answers} == {200}
    assert not any(name.startswith("RateLimit") for answer in answers for name, _ in answer.headers)


def test_the_requests_of_a_minute_are_granted_and_the_next_is_refused(make_client: Make) -> None:
    client = make_client(key_requests_per_minute=3)
    answers = [predict(client) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"requests";q=3;w=60'
    assert [answer.headers["RateLimit"].partition(";t=")[0] for answer in answers] == [
        f'"requests";r={left}' for left in (2, 1, 0, 0, 0)
    ]
    assert answers[3].get_json() == {
        "type": "/docs/errors#rate_limited",
        "title": "Too many requests",
        "status": 429,
        "detail": "This key may send 3 requests in 60 seconds.",
        "error": "rate_limited",
        "request_id": "r1",
    }
    assert answers[3].headers["Content-Type"] == "application/problem+json"


def test_a_refusal_tells_when_the_request_would_pass(make_client: Make) -> None:
    client = make_client(key_requests_per_minute=2)
    seconds = int([predict(client) for _ in range(3)][-1].headers["Retry-After"])
    # Of two used at once one is available again when their minute is over.
    assert 59 <= seconds <= 60


def test_rows_are_limited_beside_requests_and_both_are_told(make_client: Make) -> None:
    client = make_client(key_requests_per_minute=10, key_rows_per_minute=100)
    answers = [predict(client, rows) for rows in (60, 60, 40)]
    assert [answer.status_code for answer in answers] == [200, 429, 200]
    assert answers[1].get_json()["detail"] == "This key may send 100 rows in 60 seconds."
    assert answers[2].headers["RateLimit-Policy"] == '"requests";q=10;w=60, "rows";q=100;qu="rows";w=60'
    assert [part.partition(";t=")[0] for part in answers[2].headers["RateLimit"].split(", ")] == [
        '"requests";r=7',
        '"rows";r=0',
    ]


def test_more_rows_than_a_minute_allows_are_refused_for_good(make_client: Make) -> None:
    answer = predict(make_client(key_rows_per_minute=100), 101)
    assert (answer.status_code, answer.get_json()["error"]) == (413, "too_many_rows")
    assert "Retry-After" not in answer.headers


def test_a_request_that_is_refused_is_not_even_parsed(make_client: Make) -> None:
    client = make_client(key_requests_per_minute=1)
    predict(client)
    assert client.post("/predict", data=b"{not json", content_type="application/json").status_code == 429


def test_every_guarded_route_counts_and_public_ones_do_not(make_client: Make) -> None:
    client = make_client(key_requests_per_minute=1)
    assert [client.get("/model/info").status_code for _ in range(2)] == [200, 429]
    assert [client.get("/health/live").status_code for _ in range(5)] == [200] * 5


def test_who_is_not_let_in_is_not_counted(make_client: Make) -> None:
    client = make_client(key_requests_per_minute=1)
    for _ in range(5):
        assert client.get("/model/info", headers={"X-API-Key": "wrong"}).status_code == 401
    assert client.get("/model/info").status_code == 200


def test_guessing_from_one_address_ends_in_429(make_client: Make) -> None:
    client = make_client(failed_attempts_per_minute=5)
    assert client.get("/model/info").status_code == 200
    statuses = [client.get("/model/info", headers={"X-API-Key": f"wrong{n}"}).status_code for n in range(8)]
    assert statuses == [401] * 5 + [429] * 3
    assert client.get("/model/info").status_code == 200


def test_of_several_workers_each_grants_its_part(tmp_path: Path) -> None:
    settings = replace(make_settings(tmp_path), workers=4, key_requests_per_minute=100)
    services = build_services(settings)
    services.active.current = make_loaded_release()
    client = create_app(settings, services).test_client()
    client.environ_base["HTTP_X_API_KEY"] = make_key(services, settings, "predict").text
    assert [predict(client).status_code for _ in range(26)] == [200] * 25 + [429]
    services.close()
