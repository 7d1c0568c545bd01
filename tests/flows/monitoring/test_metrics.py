"""What the metrics of a real server with real workers say."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.flows.monitoring.scraping import count_predictions, scrape
from tests.server import RunningServer, running_server, wait_until

WORKERS = 4
READY_SECONDS = 60


@pytest.fixture(scope="module")
def server(plan_home: Path) -> Iterator[RunningServer]:
    with running_server(
        plan_home, workers=WORKERS, environment={"GLUONSERVE_METRICS_NETWORKS": "127.0.0.0/8"}
    ) as started:
        yield started


@pytest.fixture(scope="module")
def key(plan_home: Path, make_key: Callable[..., str]) -> str:
    return make_key(plan_home, "predict", "model_info", "metrics")


@pytest.fixture(scope="module")
def row(server: RunningServer, key: str) -> dict[str, Any]:
    wait_until(server.is_ready, seconds=READY_SECONDS)
    sample: dict[str, Any] = server.get("/model/schema", key).json()["sample"]
    return sample


def predict_many(server: RunningServer, key: str, row: dict[str, Any], *, count: int) -> None:
    def send(times: int) -> None:
        for _ in range(times):
            assert server.predict([row], key).status_code == requests.codes.ok

    threads = [threading.Thread(target=send, args=(count // 4,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_totals_are_exact_and_never_fall_while_two_of_four_workers_are_killed(
    server: RunningServer, key: str, row: dict[str, Any]
) -> None:
    before = count_predictions(scrape(server, key))
    predict_many(server, key, row, count=200)
    wait_until(lambda: count_predictions(scrape(server, key)) == before + 200, seconds=10)
    connections = scrape(server, key)["gluonserve_connections_total", ()]
    killed = server.workers()[:2]
    seen = [before + 200]
    for worker in killed:
        os.kill(worker, signal.SIGKILL)
        seen += [count_predictions(scrape(server, key)) for _ in range(5)]
    wait_until(lambda: len(set(server.workers()) - set(killed)) == WORKERS and server.is_ready(), seconds=READY_SECONDS)
    seen.append(count_predictions(scrape(server, key)))
    assert seen == [before + 200] * len(seen)
    predict_many(server, key, row, count=200)
    wait_until(lambda: count_predictions(scrape(server, key)) == before + 400, seconds=10)
    assert scrape(server, key)["gluonserve_connections_total", ()] >= connections + 200


def test_the_page_is_read_without_a_key_from_an_open_network_only(server: RunningServer, plan_home: Path) -> None:
    assert server.get("/metrics").status_code == 200
    forwarded = requests.get(f"{server.url}/metrics", headers={"X-Forwarded-For": "10.0.0.1"}, timeout=30)
    assert (forwarded.status_code, forwarded.json()["error"]) == (401, "missing_api_key")
    assert requests.get(f"{server.url}/metrics", headers={"X-API-Key": "wrong"}, timeout=30).status_code == 401
