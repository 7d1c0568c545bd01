from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from app.api.formats.documents import write_timestamp
from app.wiring.services import Services
from tests.api.builders import ROW, BrokenExecutor, SteadyNumbers, make_loaded_release
from tests.serving.cache.builders import CountingExecutor

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_a_row_is_answered_as_documented(client: FlaskClient) -> None:
    answer = client.post("/predict", json={"data": [ROW]}, headers={"X-Request-ID": "order-17"})

    body = answer.get_json()
    prediction_ids, timestamp = body.pop("prediction_ids"), body.pop("timestamp")
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert body == {
        "predictions": ["Yes"],
        "probabilities": [{"No": 0.27, "Yes": 0.73}],
        "model_info": {"name": "churn", "version": "3", "problem_type": "binary", "eval_metric": "log_loss"},
        "request_id": "order-17",
    }
    assert len(prediction_ids) == 1
    assert TIMESTAMP.fullmatch(timestamp)


@pytest.mark.parametrize(
    ("header", "computed"),
    [
        ({}, 1),
        ({"Cache-Control": "no-cache"}, 2),
        ({"Cache-Control": "max-age=0, No-Cache"}, 2),
        ({"Cache-Control": "no-cached"}, 1),
    ],
)
def test_a_known_row_is_computed_anew_where_the_caller_wants_that(
    client: FlaskClient, services: Services, header: dict[str, str], computed: int
) -> None:
    release = make_loaded_release(executor := CountingExecutor())
    services.active.current = replace(release, cached=services.cache.stand_before(release))
    bodies = [client.post("/predict", json={"data": [ROW]}, headers=header).get_json() for _ in range(2)]
    assert bodies[0]["predictions"] == bodies[1]["predictions"]
    assert len(executor.passes) == computed


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_469_268_007, "2026-11-23T21:27:48.007Z"),
        (1_795_469_268_999, "2026-11-23T21:27:48.999Z"),
        (1_795_469_269_000, "2026-11-23T21:27:49.000Z"),
    ],
)
def test_a_timestamp_is_in_utc_to_the_millisecond(milliseconds: int, text: str) -> None:
    assert write_timestamp(milliseconds) == text


def test_every_row_gets_its_own_answer_and_id(client: FlaskClient) -> None:
    body = client.post("/predict", json={"data": [ROW, ROW, ROW]}).get_json()

    assert body["predictions"] == ["Yes", "Yes", "Yes"]
    assert len(set(body["prediction_ids"])) == 3


def test_a_regression_model_has_no_probabilities(client: FlaskClient, services: Services) -> None:
    services.active.current = make_loaded_release(SteadyNumbers(), problem_type="regression", eval_metric="rmse")

    body = client.post("/predict", json={"data": [ROW]}).get_json()

    assert body["predictions"] == [12.5]
    assert body["probabilities"] is None


def test_values_unlike_those_of_training_are_warned_of(client: FlaskClient) -> None:
    body = client.post("/predict", json={"data": [ROW, {**ROW, "contract": "Ten years"}]}).get_json()

    assert body["predictions"] == ["Yes", "Yes"]
    assert body["warnings"] == [{"row": 1, "field": "contract", "message": "This category was not seen in training."}]


def test_every_fault_of_every_row_is_listed_at_once(client: FlaskClient) -> None:
    rows = [{**ROW, "tenure": "many"}, 7, {**ROW, "senior": 2, "contract": None}]

    answer = client.post("/predict", json={"data": rows}, headers={"X-Request-ID": "r1"})

    body = answer.get_json()
    assert answer.status_code == 422
    assert [(fault["row"], fault["field"]) for fault in body.pop("errors")] == [
        (0, "tenure"),
        (1, None),
        (2, "contract"),
        (2, "senior"),
    ]
    assert body == {
        "type": "/docs/errors#invalid_rows",
        "title": "The rows do not fit the schema",
        "status": 422,
        "detail": "4 faults found; each is listed under 'errors'.",
        "error": "invalid_rows",
        "request_id": "r1",
    }


def test_more_rows_than_allowed_are_refused(client: FlaskClient) -> None:
    answer = client.post("/predict", json={"data": [{}] * 10_001})

    assert answer.status_code == 413
    assert answer.get_json()["error"] == "too_many_rows"


def test_without_a_model_the_caller_is_told_when_to_come_back(client: FlaskClient, services: Services) -> None:
    services.active.current = None

    answer = client.post("/predict", json={"data": [ROW]}, headers={"X-Request-ID": "r1"})

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.get_json() == {
        "type": "/docs/errors#model_not_ready",
        "title": "No model is ready",
        "status": 503,
        "detail": "No model is ready to predict.",
        "error": "model_not_ready",
        "request_id": "r1",
    }


def test_a_failing_model_tells_the_caller_nothing_of_its_insides(client: FlaskClient, services: Services) -> None:
    services.active.current = make_loaded_release(BrokenExecutor())

    answer = client.post("/predict", json={"data": [ROW]})

    assert answer.status_code == 500
    assert answer.content_type == "application/problem+json"
    assert "native" not in answer.text
    assert "RuntimeError" not in answer.text
