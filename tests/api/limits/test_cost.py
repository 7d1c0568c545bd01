"""Large requests of one key beside the requests of others, in one worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.security.limits.processor_share import WholeProcessor
from app.wiring.services import Services, build_services
from config.settings import Settings
from tests.api.builders import ROW, make_key, make_loaded_release, make_settings

LARGE = 10_000
TRIES = 60


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    # A client in the same thread takes more than half of the time for itself.
    return make_settings(tmp_path, key_cpu_share=0.1)


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    services = build_services(settings)
    services.active.current = make_loaded_release()
    yield services
    services.close()


def make_caller(app: Flask, services: Services, settings: Settings) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_X_API_KEY"] = make_key(services, settings, "predict").text
    return client


def predict(client: FlaskClient, rows: int = 1) -> TestResponse:
    return client.post("/predict", json={"data": [ROW] * rows})


def test_beside_another_caller_the_next_large_request_waits(services: Services, settings: Settings) -> None:
    app = create_app(settings, services)
    web, batch = (make_caller(app, services, settings) for _ in range(2))
    answers = predict_until_refused(batch, beside=web)
    assert [answer.status_code for answer in answers[:-1]] == [200] * (len(answers) - 1)
    assert (answers[-1].status_code, answers[-1].get_json()["error"]) == (429, "rate_limited")
    assert int(answers[-1].headers["Retry-After"]) >= 1


def test_the_small_requests_of_the_same_caller_go_on(services: Services, settings: Settings) -> None:
    app = create_app(settings, services)
    web, batch = (make_caller(app, services, settings) for _ in range(2))
    assert predict_until_refused(batch, beside=web)[-1].status_code == 429
    assert predict(batch).status_code == 200


def test_a_caller_alone_is_never_refused(services: Services, settings: Settings) -> None:
    batch = make_caller(create_app(settings, services), services, settings)
    assert {predict(batch, LARGE).status_code for _ in range(10)} == {200}


def test_without_the_guard_large_requests_follow_one_another(services: Services, settings: Settings) -> None:
    unguarded = replace(services, processor_share=WholeProcessor())
    app = create_app(settings, unguarded)
    web, batch = (make_caller(app, unguarded, settings) for _ in range(2))
    answers = predict_until_refused(batch, beside=web)
    assert [answer.status_code for answer in answers] == [200] * TRIES


def test_the_refusal_comes_before_the_body_is_read_as_json(services: Services, settings: Settings) -> None:
    app = create_app(settings, services)
    web, batch = (make_caller(app, services, settings) for _ in range(2))
    predict(web)
    services.processor_share.note_presence(key_id(batch))
    services.processor_share.begin(key_id(batch), expected_seconds=60.0)
    answer = batch.post("/predict", data=b"{" * 2_000_000, content_type="application/json")
    assert (answer.status_code, answer.get_json()["error"]) == (429, "rate_limited")


def predict_until_refused(client: FlaskClient, *, beside: FlaskClient) -> list[TestResponse]:
    """Send large requests one after the other, small ones of another caller between them."""
    answers: list[TestResponse] = []
    while len(answers) < TRIES and not (answers and answers[-1].status_code == 429):
        assert predict(beside).status_code == 200
        answers.append(predict(client, LARGE))
    return answers


def key_id(client: FlaskClient) -> str:
    return str(client.environ_base["HTTP_X_API_KEY"]).split("_")[1]
