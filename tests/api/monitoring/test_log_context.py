"""What is logged within a request says which one it was."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask import Blueprint, Flask

from app import create_app
from app.api import BLUEPRINTS
from app.api.guard import public
from app.wiring.services import build_services
from config.logging.formats import JsonFormatter
from tests.api.builders import ROW, BrokenExecutor, make_key, make_loaded_release, make_settings

talkative = Blueprint("talkative", __name__)


@talkative.get("/talkative/<name>")
@public
def talk(name: str) -> str:
    logging.getLogger("app.talkative").info("before %s", len(name))
    logging.getLogger("a.library").warning("after")
    return "done"


@dataclass
class Served:
    """An application, a key for it, and what it logs."""

    app: Flask
    key: str
    log: io.StringIO

    def list_events(self, *loggers: str) -> list[dict[str, Any]]:
        events = [orjson.loads(line) for line in self.log.getvalue().splitlines()]
        return [event for event in events if event["logger"] in loggers]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    settings = make_settings(tmp_path)
    services = build_services(settings)
    services.active.current = make_loaded_release(BrokenExecutor())
    app = create_app(settings, services, blueprints=(*BLUEPRINTS, talkative))
    log = io.StringIO()
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, JsonFormatter) and isinstance(handler, logging.StreamHandler):
            handler.setStream(log)
    yield Served(app, make_key(services, settings, "predict").text, log)
    services.close()


def test_every_line_of_a_request_carries_its_id(served: Served) -> None:
    served.app.test_client().get("/talkative/abc", headers={"X-Request-ID": "order-17"})
    logging.getLogger("app.talkative").info("outside")
    told = [
        {name: event.get(name) for name in ("message", "request_id", "route", "version")}
        for event in served.list_events("app.talkative", "a.library")
    ]
    request = {"request_id": "order-17", "route": "/talkative/<name>", "version": "3"}
    assert told == [
        {"message": "before 3", **request},
        {"message": "after", **request},
        {"message": "outside", "request_id": None, "route": None, "version": None},
    ]


def test_a_failure_names_its_request_route_key_and_version(served: Served) -> None:
    headers = {"X-API-Key": served.key}
    answer = served.app.test_client().post("/predict", json={"data": [ROW]}, headers=headers)
    assert answer.status_code == 500
    (event,) = served.list_events("app.api.errors")
    context = {name: event[name] for name in ("message", "request_id", "route", "key", "version", "exception")}
    assert context == {
        "message": "The request failed.",
        "request_id": answer.headers["X-Request-ID"],
        "route": "/predict",
        "key": served.key.split("_")[1],
        "version": "3",
        "exception": "RuntimeError: [text left out: it may quote a request]",
    }
    assert "in predict" in event["traceback"]


def test_a_request_id_that_is_a_key_is_masked(served: Served) -> None:
    served.app.test_client().get("/talkative/abc", headers={"X-Request-ID": served.key})
    (event,) = served.list_events("app.talkative")
    assert event["request_id"] == f"gsk_{served.key.split('_')[1]}_***"
