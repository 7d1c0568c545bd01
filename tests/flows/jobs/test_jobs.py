"""A job over HTTP, done by real workers that are killed meanwhile."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from app.database import open_database
from app.release.store import ReleaseStore
from app.serving.formats.media_types import JSON_LINES
from app.serving.jobs.store import JobStore
from config.settings import load_settings
from tests.flows.jobs.workers import running_worker
from tests.flows.traffic import KnownAnswers
from tests.server import RunningServer, running_server, wait_until

# Three parts: two are to be done when the first worker is killed.
ROWS = 25_000
SECONDS = 120


@pytest.fixture
def home(published_plan: ReleaseStore, tmp_path: Path) -> Path:
    shutil.copytree(published_plan.path, tmp_path / "home" / "models")
    return tmp_path / "home"


def ask(server: RunningServer, path: str, key: str) -> requests.Response:
    return requests.get(server.url + path, headers={"X-API-Key": key}, timeout=60)


def test_a_job_survives_its_worker(home: Path, pair_answers: KnownAnswers, make_key: Callable[..., str]) -> None:
    rows = [pair_answers.rows[number % len(pair_answers.rows)] for number in range(ROWS)]
    table = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    with running_server(home, workers=1) as server:
        wait_until(server.is_ready, seconds=60)
        key = make_key(home, "jobs")
        headers = {"X-API-Key": key, "Content-Type": JSON_LINES}
        job: dict[str, Any] = requests.post(f"{server.url}/jobs", data=table, headers=headers, timeout=60).json()
        store = JobStore(open_database(load_settings({"GLUONSERVE_HOME": str(home)}).database_url))

        def count_done() -> int:
            found = store.find(job["id"])
            assert found is not None
            return store.measure(found).rows_done

        with running_worker(home) as worker:
            wait_until(lambda: count_done() > 0, seconds=SECONDS)
            worker.kill()
        assert ask(server, f"/jobs/{job['id']}", key).json()["state"] in ("running", "done")
        with running_worker(home):
            wait_until(lambda: ask(server, f"/jobs/{job['id']}", key).json()["state"] == "done", seconds=SECONDS)
        result = ask(server, f"/jobs/{job['id']}/result", key).text
    found = list(csv.DictReader(io.StringIO(result)))
    assert [row["prediction_id"] for row in found] == [f"{job['id'][:24]}-{number}" for number in range(ROWS)]
    expected = [answer.label for answer in pair_answers.expected["1"]]
    assert [row["prediction"] for row in found] == [expected[number % len(expected)] for number in range(ROWS)]
