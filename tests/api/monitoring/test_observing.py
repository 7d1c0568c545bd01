from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.monitoring.observation import AnswerObserved, RequestObserved
from app.monitoring.observing import ObservationQueue
from app.wiring.services import Services
from config.settings import Settings
from tests.api.builders import ROW, make_key
from tests.monitoring.builders import Kept


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def client(settings: Settings, services: Services, kept: Kept) -> FlaskClient:
    queue = ObservationQueue([kept], seconds_between_rounds=60)
    return create_app(settings, replace(services, observations=queue)).test_client()


@pytest.fixture
def key(settings: Settings, services: Services) -> str:
    return make_key(services, settings, "predict").text


def take_event(client: FlaskClient, kept: Kept) -> RequestObserved:
    client.application.extensions["gluonserve"].observations.drain()
    (event,) = kept.events
    assert event.seconds > 0
    return replace(event, seconds=0.0, ended_at=0.0)


def test_a_prediction_is_told_whole(client: FlaskClient, kept: Kept, key: str) -> None:
    rows = [ROW, {**ROW, "tenure": 99}]
    headers = {"X-API-Key": key, "X-Request-ID": "order-17"}
    answer = client.post("/predict", json={"data": rows}, headers=headers).get_json()
    event = take_event(client, kept)
    told = event.answer
    assert told is not None
    assert told.validate_seconds > 0
    assert told.predict_seconds > 0
    assert replace(event, answer=None) == RequestObserved(
        route="/predict", status=200, ended_at=0.0, seconds=0.0, request_id="order-17", key=key[4:12]
    )
    assert replace(told, validate_seconds=0.0, predict_seconds=0.0) == AnswerObserved(
        version="3",
        name="churn",
        role="active",
        execution="plan",
        rows=2,
        validate_seconds=0.0,
        predict_seconds=0.0,
        warnings=told.warnings,
        prediction_ids=answer["prediction_ids"],
        inputs=rows,
        typed_rows=told.typed_rows,
        labels=["Yes", "Yes"],
        probabilities=[{"No": 0.27, "Yes": 0.73}] * 2,
    )
    assert [warning.kind for warning in told.warnings] == ["out_of_range"]
    assert [row[0] for row in told.typed_rows] == [1, 99]


@pytest.mark.parametrize(
    ("path", "body", "is_known", "expected"),
    [
        ("/predict", {"data": [{}]}, True, ("/predict", 422, "invalid_rows", True)),
        ("/predict", {"data": [ROW]}, False, ("/predict", 401, "missing_api_key", False)),
        ("/models/../../etc", None, True, (None, 404, "not_found", False)),
        ("/models/7/activate", {}, True, ("/models/<version>/activate", 403, "permission_denied", True)),
    ],
)
def test_a_refusal_is_told_by_its_code_and_the_rule_of_its_route(
    client: FlaskClient,
    kept: Kept,
    key: str,
    path: str,
    body: object,
    is_known: bool,
    expected: tuple[str | None, int, str, bool],
) -> None:
    client.post(path, json=body, headers={"X-API-Key": key} if is_known else {})
    event = take_event(client, kept)
    assert (event.route, event.status, event.error, event.key is not None) == expected
    assert event.answer is None


def test_a_public_route_is_told_too(client: FlaskClient, kept: Kept) -> None:
    client.get("/health/live")
    event = take_event(client, kept)
    assert (event.route, event.status, event.error, event.key) == ("/health/live", 200, None, None)
