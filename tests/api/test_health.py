from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.monitoring.snapshots import Snapshot, SnapshotStore, now_in_utc
from app.runtime.switching.golden_checks import GoldenResult, NoGoldenChecks
from app.wiring.services import Services
from config.settings import Settings
from tests.server import wait_until


class Told(NoGoldenChecks):
    """Has had a result."""

    def __init__(self, result: GoldenResult) -> None:
        self.result = result


def wait_for_presence(services: Services) -> None:
    """On a busy machine the first look takes longer than a request waits for it."""
    wait_until(lambda: services.watcher_presence.look().status != "unknown", seconds=10)


def test_with_a_model_the_service_is_healthy(anonymous: FlaskClient, services: Services) -> None:
    wait_for_presence(services)

    answer = anonymous.get("/health")

    assert answer.status_code == 200
    assert answer.get_json() == {
        "status": "healthy",
        "model_loaded": True,
        "model_info": {"name": "churn", "version": "3", "problem_type": "binary", "eval_metric": "log_loss"},
        "golden": {"status": "pending", "at": None, "ms": None},
        "monitor": {"status": "silent", "last_seen": None},
    }


def test_without_a_model_the_service_is_unhealthy_in_the_same_form(anonymous: FlaskClient, services: Services) -> None:
    services.active.current = None
    wait_for_presence(services)

    answer = anonymous.get("/health")

    assert answer.status_code == 503
    assert answer.content_type == "application/json"
    assert answer.headers["Retry-After"] == "5"
    assert answer.get_json() == {
        "status": "unhealthy",
        "model_loaded": False,
        "model_info": None,
        "golden": {"status": "pending", "at": None, "ms": None},
        "monitor": {"status": "silent", "last_seen": None},
    }


@pytest.mark.parametrize(("status", "code"), [("passed", 200), ("failed", 503)])
def test_the_last_golden_row_is_told_and_a_wrong_one_is_unhealthy(
    settings: Settings, services: Services, status: Literal["passed", "failed"], code: int
) -> None:
    result = GoldenResult(status, 1_790_000_000.25, 0.51234)
    told = replace(services, golden=Told(result))

    answer = create_app(settings, told).test_client().get("/health")

    assert (answer.status_code, answer.get_json()["model_loaded"]) == (code, True)
    assert answer.get_json()["golden"] == {"status": status, "at": "2026-09-21T14:13:20.250Z", "ms": 0.512}


def test_where_no_golden_rows_are_predicted_that_is_told(settings: Settings, services: Services) -> None:
    answer = create_app(settings, replace(services, golden=NoGoldenChecks())).test_client().get("/health")

    assert (answer.status_code, answer.get_json()["golden"]) == (200, None)


@pytest.mark.parametrize(("age", "status"), [(30, "watching"), (90, "silent")])
def test_without_a_watcher_the_service_is_healthy_and_says_so(
    anonymous: FlaskClient, services: Services, age: int, status: str
) -> None:
    seen = now_in_utc() - timedelta(seconds=age)
    SnapshotStore(services.database).add(
        Snapshot(kind="watcher", window_start=seen, window_end=seen, document={}, identity="watcher")
    )
    wait_for_presence(services)

    answer = anonymous.get("/health")

    last_seen = seen.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert (answer.status_code, answer.get_json()["monitor"]) == (200, {"status": status, "last_seen": last_seen})


def test_a_process_without_a_model_is_alive(anonymous: FlaskClient, services: Services) -> None:
    services.active.current = None

    answer = anonymous.get("/health/live")

    assert (answer.status_code, answer.get_json()) == (200, {"status": "alive"})


def test_with_a_model_the_service_is_ready(anonymous: FlaskClient) -> None:
    answer = anonymous.get("/health/ready")

    assert (answer.status_code, answer.get_json()) == (200, {"status": "ready"})


def test_without_a_model_the_service_is_not_ready(anonymous: FlaskClient, services: Services) -> None:
    services.active.current = None

    answer = anonymous.get("/health/ready")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.get_json()["error"] == "model_not_ready"
