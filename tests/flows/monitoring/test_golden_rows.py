"""A model that breaks in one worker of a running server is found, told of, kept from callers, and mended."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from app.release.store import ReleaseStore
from tests.flows.monitoring.breaking import BREAKS
from tests.flows.monitoring.scraping import scrape
from tests.server import RunningServer, running_server, wait_until

SECONDS = 60
ENVIRONMENT = {"GLUONSERVE_GOLDEN_INTERVAL": "1"}


@pytest.fixture
def home(published_plan: ReleaseStore, tmp_path: Path) -> Path:
    shutil.copytree(published_plan.path, tmp_path / "home" / "models")
    return tmp_path / "home"


@pytest.fixture
def server(home: Path) -> Iterator[RunningServer]:
    with running_server(
        home, environment=ENVIRONMENT, application="tests.flows.monitoring.breaking:make_app()"
    ) as started:
        yield started


def predict_anew(server: RunningServer, rows: list[dict[str, Any]], key: str) -> Any:
    """What the model says, whatever is remembered; nothing of it will be."""
    headers = {"X-API-Key": key, "Cache-Control": "no-cache"}
    answer = requests.post(f"{server.url}/predict", json={"data": rows}, headers=headers, timeout=SECONDS)
    return answer.json()["probabilities"]


def read_health(server: RunningServer) -> tuple[int, str]:
    answer = server.get("/health")
    return answer.status_code, answer.json()["golden"]["status"]


def test_a_model_that_breaks_in_one_worker_answers_nobody_until_it_is_right_again(
    server: RunningServer, home: Path, make_key: Callable[..., str]
) -> None:
    key = make_key(home, "predict", "model_info", "metrics")
    wait_until(lambda: scrape(server, key).get(("gluonserve_golden_checks_total", ()), 0) >= 4, seconds=SECONDS)
    assert read_health(server) == (200, "passed")
    row: dict[str, Any] = server.get("/model/schema", key).json()["sample"]
    right = server.predict([row], key).json()["probabilities"]
    other = {**row, "visits": 7}
    right_of_other = predict_anew(server, [other], key)

    # What is on disk is damaged, too: it cannot be loaded anew for now.
    golden = home / "models" / "1" / "golden.json"
    content = golden.read_bytes()
    golden.write_bytes(b"")
    predict_anew(server, [row] * BREAKS, key)
    # What is wrong is remembered, until it is known to be.
    for _ in range(10):
        server.predict([other], key)

    wait_until(lambda: scrape(server, key)["gluonserve_golden_failed_workers", ()] == 1, seconds=SECONDS)
    wait_until(lambda: read_health(server) == (503, "failed"), seconds=SECONDS)
    wait_until(lambda: scrape(server, key)["gluonserve_golden_failures_total", ()] == 1, seconds=SECONDS)
    answers = [server.predict([row], key) for _ in range(40)]
    told = [answer.json() for answer in answers]
    assert [one for one in told if one.get("error") != "model_not_ready" and one.get("probabilities") != right] == []
    assert any("has other probabilities than at publication" in line for line in server.log_lines())

    golden.write_bytes(content)
    wait_until(lambda: scrape(server, key)["gluonserve_golden_failed_workers", ()] == 0, seconds=SECONDS)
    assert {read_health(server) for _ in range(20)} == {(200, "passed")}
    assert [server.predict([row], key).json()["probabilities"] for _ in range(20)] == [right] * 20
    assert [server.predict([other], key).json()["probabilities"] for _ in range(20)] == [right_of_other] * 20
