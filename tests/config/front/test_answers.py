"""What is said without the application reads as if the application had said it."""

from __future__ import annotations

import re

import orjson
import pytest
from flask import Blueprint, Flask, Response

from app import create_app
from app.api.guard import public
from app.errors import DeadlineExceeded, Overloaded, ServiceError, Unavailable
from app.wiring.services import Services
from config.front.answers import NOT_IN_TIME, OVERLOADED, STOPPING, Refusal, write_refusal
from config.settings import Settings


def make_application(settings: Settings, services: Services, error: ServiceError) -> Flask:
    blueprint = Blueprint("raising", __name__)

    @blueprint.get("/raise")
    @public
    def fail() -> Response:
        raise error

    return create_app(settings, services, blueprints=(blueprint,))


@pytest.mark.parametrize(
    ("refusal", "error", "retry_after"),
    [
        (OVERLOADED, Overloaded(OVERLOADED.detail, retry_after_seconds=7), 7),
        (STOPPING, Unavailable(STOPPING.detail, retry_after_seconds=1), 1),
        (NOT_IN_TIME, DeadlineExceeded(NOT_IN_TIME.detail), None),
    ],
)
def test_a_refusal_is_what_the_application_would_answer(
    settings: Settings, services: Services, refusal: Refusal, error: ServiceError, retry_after: int | None
) -> None:
    client = make_application(settings, services, error).test_client()
    expected = client.get("/raise", headers={"X-Request-ID": "order-17"})
    head, _, body = write_refusal(refusal, request_id="order-17", retry_after_seconds=retry_after).partition(
        b"\r\n\r\n"
    )
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert status.lower() == f"HTTP/1.1 {expected.status}".lower()
    assert orjson.loads(body) == expected.get_json()
    assert int(headers.pop("Content-Length")) == len(body)
    assert (headers.pop("Connection"), headers.pop("Server")) == ("close", "gunicorn")
    del expected.headers["Content-Length"]
    assert dict(headers) == dict(expected.headers)


@pytest.mark.parametrize("request_id", [None, "a b", 'a"b', "a\r\nX: y", "x" * 129])
def test_an_id_that_is_not_sane_is_replaced(request_id: str | None) -> None:
    assert re.search(rb"\r\nX-Request-ID: [0-9a-f]{32}\r\n", write_refusal(STOPPING, request_id=request_id))
