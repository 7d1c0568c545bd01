from __future__ import annotations

import errno
import logging
import os

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient

from app.api.guard import public
from app.errors import FieldFault, InvalidRows, PredictionFailed
from tests.api.builders import ROW


def raise_from(app: Flask, error: Exception) -> FlaskClient:
    """A client of an application whose route /broken raises this."""

    @public
    def broken() -> str:
        raise error

    app.add_url_rule("/broken", view_func=broken)
    return app.test_client()


def test_an_unknown_address_is_a_problem_document(anonymous: FlaskClient) -> None:
    answer = anonymous.get("/nowhere", headers={"X-Request-ID": "r1"})

    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert answer.get_json() == {
        "type": "/docs/errors#not_found",
        "title": "Not found",
        "status": 404,
        "detail": "There is nothing at this address.",
        "error": "not_found",
        "request_id": "r1",
    }


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/predict", "POST"),
        ("OPTIONS", "/predict", "POST"),
        ("PUT", "/health", "GET, HEAD"),
        ("OPTIONS", "/health", "GET, HEAD"),
        ("DELETE", "/model/info", "GET, HEAD"),
        ("TRACE", "/docs", "GET, HEAD"),
    ],
)
def test_another_method_is_refused_with_those_that_are_allowed(
    anonymous: FlaskClient, method: str, path: str, allowed: str
) -> None:
    answer = anonymous.open(path, method=method, headers={"X-Request-ID": "r1"})

    assert answer.status_code == 405
    assert answer.headers["Allow"] == allowed
    assert answer.get_json() == {
        "type": "/docs/errors#method_not_allowed",
        "title": "Method not allowed",
        "status": 405,
        "detail": "The Allow header lists the methods that this address takes.",
        "error": "method_not_allowed",
        "request_id": "r1",
    }


@pytest.mark.parametrize(
    "path", ["/predict/", "//predict", "/health//live", "/docs/assets/../page.py", "/%ff", "/\u202e"]
)
def test_a_crooked_address_is_not_found_rather_than_redirected(anonymous: FlaskClient, path: str) -> None:
    answer = anonymous.post(path)

    assert answer.status_code == 404
    assert answer.get_json()["error"] == "not_found"


def test_an_unknown_exception_is_logged_whole_and_answered_with_a_fixed_sentence(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    client = raise_from(app, ValueError("password of /etc/secret"))

    with caplog.at_level(logging.ERROR):
        answer = client.get("/broken", headers={"X-Request-ID": "r1"})

    assert answer.status_code == 500
    assert answer.content_type == "application/problem+json"
    assert answer.get_json() == {
        "type": "/docs/errors#internal_error",
        "title": "Internal error",
        "status": 500,
        "detail": "The server failed on this request. It logged the reason under this request id.",
        "error": "internal_error",
        "request_id": "r1",
    }
    assert "The request failed." in caplog.text
    assert "ValueError: password of /etc/secret" in caplog.text


def test_a_failed_prediction_is_logged_with_what_caused_it(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    error = PredictionFailed("The model failed on these rows.")
    error.__cause__ = KeyError("a column")
    client = raise_from(app, error)

    answer = client.get("/broken")

    assert answer.status_code == 500
    assert answer.get_json()["detail"] == "The model failed on these rows."
    assert "KeyError: 'a column'" in caplog.text


@pytest.mark.parametrize(("status", "code"), [(400, "bad_request"), (418, "bad_request"), (502, "internal_error")])
def test_any_refusal_of_the_framework_is_a_problem_without_its_text(app: Flask, status: int, code: str) -> None:
    @public
    def refuse() -> None:
        abort(status, "text of an exception")

    app.add_url_rule("/refuse", view_func=refuse)

    answer = app.test_client().get("/refuse")

    assert answer.status_code == status
    assert answer.get_json()["error"] == code
    assert "text of an exception" not in answer.text


def test_a_long_list_of_faults_says_that_there_are_more(app: Flask) -> None:
    client = raise_from(
        app, InvalidRows([FieldFault(row, "tenure", "Wrong.") for row in range(1000)], is_complete=False)
    )

    body = client.get("/broken").get_json()

    assert body["detail"] == "More than 1000 faults found; the first 1000 are listed under 'errors'."
    assert len(body["errors"]) == 1000
    assert body["errors"][999] == {"row": 999, "field": "tenure", "message": "Wrong."}


def test_an_answer_to_head_has_no_body(client: FlaskClient) -> None:
    assert client.head("/model/info").status_code == 200
    assert client.head("/model/info").data == b""
    assert client.head("/nowhere").data == b""


@pytest.mark.parametrize("path", ["/nowhere", "/health", "/model/info", "/docs", "/openapi.json"])
def test_every_answer_tells_browsers_what_not_to_do(client: FlaskClient, path: str) -> None:
    answer = client.get(path)

    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert len(answer.headers.getlist("Content-Security-Policy")) == 1


def test_a_prediction_is_not_to_be_stored(client: FlaskClient) -> None:
    assert client.post("/predict", json={"data": [ROW]}).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
def test_a_disk_that_cannot_be_written_is_said_without_its_place_and_logged_with_it(
    app: Flask, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    client = raise_from(app, OSError(number, os.strerror(number), "/srv/models/.ACTIVE.1.tmp"))

    with caplog.at_level(logging.ERROR):
        answer = client.get("/broken")

    assert (answer.status_code, answer.get_json()["error"]) == (503, "storage_unwritable")
    assert "/srv" not in answer.get_json()["detail"]
    assert "/srv/models/.ACTIVE.1.tmp" in caplog.text


def test_another_fault_of_the_system_is_an_internal_error(app: Flask) -> None:
    assert raise_from(app, OSError(errno.EIO, "Input/output error")).get("/broken").status_code == 500
