"""What the metrics of a real server with real workers say."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from tests.flows.monitoring.scraping import Sample, count_predictions, find_falls, scrape
from tests.monitoring.metrics.full_page import read_full_page
from tests.server import RunningServer, running_server, wait_until

WORKERS = 4
THREADS_OF_WORKER = 4
READY_SECONDS = 60
COUNTED_BY_REQUESTS = {f"gluonserve_{name}_total" for name in ("requests", "predicted_rows", "errors")}


@pytest.fixture(scope="module")
def server(plan_home: Path) -> Iterator[RunningServer]:
    with running_server(
        plan_home,
        workers=WORKERS,
        environment={
            "GLUONSERVE_METRICS_NETWORKS": "127.0.0.0/8",
            "GLUONSERVE_THREADS": str(THREADS_OF_WORKER),
        },
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


class Callers:
    """Four threads that predict one row after the other, each on a connection of its own, until they are stopped."""

    def __init__(self, server: RunningServer, key: str, row: dict[str, Any]) -> None:
        self.answered_at: list[float] = []
        self.refused: list[str] = []
        self.broken = 0
        self._server, self._key, self._row = server, key, row
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(4)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def connections(self) -> int:
        return len(self.answered_at) + len(self.refused) + self.broken

    def count_answers(self, begin: float, end: float) -> int:
        return sum(begin <= at < end for at in self.answered_at)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                answer = self._server.predict([self._row], self._key)
            except requests.RequestException:  # Its worker was killed, in the middle of an answer perhaps.
                self.broken += 1
                continue
            if answer.status_code == requests.codes.ok:
                self.answered_at.append(time.monotonic())
            else:
                self.refused.append(answer.text)


class Scraper:
    """Keeps all pages that it reads."""

    def __init__(self, server: RunningServer, key: str) -> None:
        self.connections = 0
        self.pages: list[dict[Sample, float]] = []
        self._server, self._key = server, key

    def read(self) -> dict[Sample, float]:
        """A page of a worker that lives to write it."""
        while True:
            self.connections += 1
            with contextlib.suppress(requests.RequestException):
                self.pages.append(scrape(self._server, self._key))
                return self.pages[-1]

    def count(self, name: str, *labels: str) -> float:
        return self.read()[name, labels]

    def count_predictions(self) -> float:
        return count_predictions(self.read())


def test_totals_are_exact_and_never_fall_while_two_of_four_workers_are_killed_under_load(
    server: RunningServer, key: str, row: dict[str, Any]
) -> None:
    scraper = Scraper(server, key)
    wait_until(lambda: scraper.count("gluonserve_workers_ready") == WORKERS, seconds=READY_SECONDS)
    before = scraper.read()
    scraper.pages, scraper.connections = [before], 0
    with Callers(server, key, row) as callers:
        wait_until(lambda: len(callers.answered_at) >= 100, seconds=READY_SECONDS)
        killed_at = []
        for worker in server.workers()[:2]:
            killed_at.append(time.monotonic())
            os.kill(worker, signal.SIGKILL)
            for _ in range(10):
                scraper.read()
        wait_until(lambda: scraper.count("gluonserve_workers_ready") == WORKERS, seconds=READY_SECONDS)
        wait_until(lambda: callers.count_answers(killed_at[-1], time.monotonic()) >= 100, seconds=READY_SECONDS)
    assert callers.refused == []
    assert callers.broken <= 2 * THREADS_OF_WORKER
    counted = wait_for_the_last_batch(scraper) - count_predictions(before)
    # What a killed worker had not counted yet is lost: a tenth of a second, for which a whole one is allowed here.
    tail = sum(callers.count_answers(at - 1, at + 1) for at in killed_at)
    assert len(callers.answered_at) - tail <= counted <= len(callers.answered_at) + callers.broken
    after = scraper.pages[-1]
    connections = after["gluonserve_connections_total", ()] - before["gluonserve_connections_total", ()]
    assert connections == callers.connections + scraper.connections
    assert find_falls(scraper.pages) == []


def wait_for_the_last_batch(scraper: Scraper) -> float:
    """The predictions on two pages with nothing new between them, read longer apart than a batch takes."""
    seen = [scraper.count_predictions()]
    while len(seen) < 2 or seen[-1] != seen[-2]:
        time.sleep(0.5)
        seen.append(scraper.count_predictions())
    return seen[-1]


def test_every_request_is_counted_once_by_workers_that_live(
    server: RunningServer, key: str, row: dict[str, Any]
) -> None:
    scraper = Scraper(server, key)
    before = scraper.read()
    for rows in ([row], [row] * 3, []):
        server.predict(rows, key)
    server.predict([row], "gsk_wrong")
    answered = ("gluonserve_request_duration_seconds_count", ("/predict",))
    wait_until(lambda: scraper.read()[answered] == before[answered] + 4, seconds=10)
    after = scraper.pages[-1]
    changed = {
        (name, labels): value - before.get((name, labels), 0.0)
        for (name, labels), value in after.items()
        if name.endswith("_total") and labels[:1] != ("/metrics",) and value != before.get((name, labels), 0.0)
    }
    told = {name: value for name, value in changed.items() if name[0] in COUNTED_BY_REQUESTS}
    assert told == {
        ("gluonserve_requests_total", ("/predict", "200", "1")): 2,
        ("gluonserve_requests_total", ("/predict", "422", "")): 1,
        ("gluonserve_requests_total", ("/predict", "401", "")): 1,
        ("gluonserve_predicted_rows_total", ("plan", "active", "1")): 4,
        ("gluonserve_errors_total", ("invalid_rows",)): 1,
        ("gluonserve_errors_total", ("invalid_api_key",)): 1,
    }


def test_the_page_is_read_without_a_key_from_an_open_network_only(server: RunningServer, plan_home: Path) -> None:
    assert server.get("/metrics").status_code == 200
    forwarded = requests.get(f"{server.url}/metrics", headers={"X-Forwarded-For": "10.0.0.1"}, timeout=30)
    assert (forwarded.status_code, forwarded.json()["error"]) == (401, "missing_api_key")
    assert requests.get(f"{server.url}/metrics", headers={"X-API-Key": "wrong"}, timeout=30).status_code == 401


def test_the_page_of_a_real_server_has_no_metric_that_is_not_documented(server: RunningServer, key: str) -> None:
    documented = {name for one in read_full_page().values() for name in one.names}
    assert {name for name, _ in scrape(server, key)} - documented == set()


def test_totals_fall_where_the_counts_of_a_killed_worker_are_thrown_away(server: RunningServer, key: str) -> None:
    """That the checks above can fail: this is what they would see if a successor did not go on counting."""
    pages = [scrape(server, key)]
    mapped = {file.path for worker in server.workers() for file in psutil.Process(worker).memory_maps()}
    for path in mapped:
        if Path(path).name.startswith("counter_"):
            Path(path).unlink()
    pages.append(scrape(server, key))
    assert any(fall.startswith("gluonserve_requests_total: ") for fall in find_falls(pages))
