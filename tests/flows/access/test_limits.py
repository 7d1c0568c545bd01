"""Limits on the running server with its two workers: counted together in Redis, apart without it, never given up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.release.store import ReleaseStore
from tests.flows.conftest import open_keys
from tests.redis_link.server import RedisServer
from tests.server import RunningServer, running_server, wait_until

LIMIT = 40


@pytest.fixture
def plan_home(published_plan: ReleaseStore, tmp_path: Path) -> Path:
    shutil.copytree(published_plan.path, tmp_path / "home" / "models")
    return tmp_path / "home"


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def ask(server: RunningServer, key: str, times: int) -> Counter[int]:
    # Several at once, so that both workers get some.
    with ThreadPoolExecutor(8) as pool:
        return Counter(pool.map(lambda _: server.get("/model/info", key).status_code, range(times)))


def make_limited_key(home: Path) -> str:
    return open_keys(home).create("tests", ["model_info"], requests_per_minute=LIMIT).text


def test_workers_count_together_in_redis_and_go_on_without_it(plan_home: Path, redis_server: RedisServer) -> None:
    first, second = make_limited_key(plan_home), make_limited_key(plan_home)
    with running_server(plan_home, environment={"REDIS_URL": redis_server.url}) as server:
        wait_until(server.is_ready, seconds=60)
        assert ask(server, first, 5 * LIMIT) == {200: LIMIT, 429: 4 * LIMIT}
        redis_server.kill()
        # What is granted again is at most what the workers had not granted by themselves yet.
        assert ask(server, first, 5 * LIMIT)[200] <= LIMIT
        without_redis = ask(server, second, 5 * LIMIT)
        assert set(without_redis) == {200, 429}
        assert LIMIT // 2 <= without_redis[200] <= LIMIT
        gone = [line for line in server.log_lines() if "Redis does not answer" in line]
        assert 1 <= len(gone) <= 2


def test_workers_grant_a_part_each_without_redis(plan_home: Path) -> None:
    key = make_limited_key(plan_home)
    with running_server(plan_home) as server:
        wait_until(server.is_ready, seconds=60)
        answers = ask(server, key, 5 * LIMIT)
        assert set(answers) == {200, 429}
        # All of it when both workers were asked often enough.
        assert LIMIT // 2 <= answers[200] <= LIMIT


def test_a_server_does_not_start_with_an_address_that_is_none(plan_home: Path) -> None:
    variables = {**os.environ, "GLUONSERVE_HOME": str(plan_home), "REDIS_URL": "localhost:6379"}
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "serve"], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "Error: REDIS_URL has to begin with one of redis://, rediss://, unix://.\n"
