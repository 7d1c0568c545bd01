"""POST /feedback, as the backend of a web site calls it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.database import feedback
from app.monitoring.quality.feedback import FeedbackStore
from app.wiring.services import Services
from config.settings import Settings
from tests.api.builders import ROW, make_key

ID = f"{'0123456789ab' * 2}-0"
NOT_FOUND = (
    "No such prediction was found: it may be too old, its line of the prediction log may be lost, or there never was "
    "one."
)
Told = tuple[str, Any]


@pytest.fixture
def backend(app: Flask, settings: Settings, services: Services) -> FlaskClient:
    client = app.test_client()
    client.environ_base["HTTP_X_API_KEY"] = make_key(services, settings, "predict", "feedback").text
    return client


def tell(backend: FlaskClient, *told: Told) -> dict[str, Any]:
    outcomes = [{"prediction_id": id, "outcome": outcome} for id, outcome in told]
    answer = backend.post("/feedback", json={"outcomes": outcomes})
    body: dict[str, Any] = answer.get_json()
    return {name: value for name, value in body.items() if name != "request_id"}


def count(accepted: int = 0, repeated: int = 0, changed: int = 0) -> dict[str, Any]:
    return {"accepted": accepted, "repeated": repeated, "changed": changed, "errors": []}


def list_kept(services: Services) -> list[tuple[str, Any, int]]:
    columns = (feedback.c.prediction_id, feedback.c.outcome, feedback.c.revision)
    with services.database.connect() as connection:
        return [(row[0], json.loads(row[1]), row[2]) for row in connection.execute(select(*columns).order_by(*columns))]


def list_faults(backend: FlaskClient, body: Any) -> list[tuple[int | None, str | None, str]]:
    answer = backend.post("/feedback", json=body)
    assert answer.status_code == 422, answer.text
    return [(fault["row"], fault["field"], fault["message"]) for fault in answer.get_json()["errors"]]


def test_the_identifiers_of_an_answer_take_their_outcomes(backend: FlaskClient, services: Services) -> None:
    ids = backend.post("/predict", json={"data": [ROW, ROW]}).get_json()["prediction_ids"]
    assert tell(backend, (ids[0], "Yes"), (ids[1], 3.5)) == count(accepted=2)
    assert list_kept(services) == [(ids[0], "Yes", 1), (ids[1], 3.5, 1)]


def test_the_same_again_changes_nothing_and_of_others_the_last_counts(backend: FlaskClient, services: Services) -> None:
    assert tell(backend, (ID, "Yes")) == count(accepted=1)
    assert tell(backend, (ID, " Yes ")) == count(repeated=1)
    assert tell(backend, (ID, "No")) == count(changed=1)
    assert tell(backend, (ID, "No")) == count(repeated=1)
    assert list_kept(services) == [(ID, "No", 2)]


def test_within_one_request_the_last_counts_too(backend: FlaskClient, services: Services) -> None:
    assert tell(backend, (ID, "Yes"), (ID, "Yes"), (ID, "No")) == count(accepted=1, repeated=1, changed=1)
    assert list_kept(services) == [(ID, "No", 1)]


def test_who_repeats_an_outcome_is_told_when_there_was_no_such_prediction(
    backend: FlaskClient, services: Services
) -> None:
    other = ID[:-1] + "7"
    tell(backend, (ID, "Yes"), (other, "Yes"))
    FeedbackStore(services.database).mark([(other, 1)], "unknown")
    error = {"row": 1, "field": "prediction_id", "message": NOT_FOUND}
    assert tell(backend, (ID, "Yes"), (other, "Yes")) == {**count(repeated=2), "errors": [error]}
    assert tell(backend, (other, "No")) == count(changed=1)


def test_every_fault_of_every_outcome_is_told_and_then_none_is_kept(backend: FlaskClient, services: Services) -> None:
    outcomes: list[Any] = [
        {"prediction_id": ID, "outcome": "Yes"},
        {"prediction_id": "forged", "outcome": None},
        {"prediction_id": ID},
        {"outcome": [1], "when": "now"},
        "Yes",
        {"prediction_id": ID[:-1] + "00", "outcome": "  "},
        {"prediction_id": ID.upper(), "outcome": True},
    ]
    malformed = "Expected one of the prediction_ids of an answer."
    assert sorted(list_faults(backend, {"outcomes": outcomes}), key=str) == sorted(
        [
            (1, "prediction_id", malformed),
            (1, "outcome", "Expected a class or a number, got null."),
            (2, "outcome", "Missing data for required field."),
            (3, "prediction_id", "Missing data for required field."),
            (3, "outcome", "Expected a class or a number, got a list."),
            (3, "when", "Not known here."),
            (4, None, "Expected an object with prediction_id and outcome."),
            (5, "prediction_id", malformed),
            (5, "outcome", "Expected a class of 1 to 1000 characters."),
            (6, "prediction_id", malformed),
        ],
        key=str,
    )
    assert list_kept(services) == []


@pytest.mark.parametrize("body", [{}, {"outcomes": None}, {"outcomes": {"prediction_id": ID, "outcome": "Yes"}}])
def test_what_is_no_list_of_outcomes_is_told_what_one_is(backend: FlaskClient, body: Any) -> None:
    expected = "Expected a list of outcomes: objects with prediction_id and outcome."
    assert list_faults(backend, body) == [(None, "outcomes", expected)]


def test_a_number_beyond_all_sense_is_refused(backend: FlaskClient) -> None:
    fault = (0, "outcome", "Expected a number of ordinary size.")
    assert list_faults(backend, {"outcomes": [{"prediction_id": ID, "outcome": 1e308}]}) == [fault]


def test_outcomes_count_as_rows_of_the_key(app: Flask, settings: Settings, services: Services) -> None:
    key = make_key(services, settings, "feedback", rows_per_minute=600).text
    outcomes = [{"prediction_id": f"{'0' * 24}-{row}", "outcome": 1} for row in range(250)]
    statuses = [
        app.test_client().post("/feedback", json={"outcomes": outcomes}, headers={"X-API-Key": key}).status_code
        for _ in range(3)
    ]
    # How much of the limit each of the workers may give out depends on the machine.
    assert (statuses[0], statuses[-1]) == (200, 429)
