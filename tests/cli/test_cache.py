"""`gluonserve cache` as an operator uses it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from app.runtime.switching.workers import WorkerRecord, WorkerState
from app.serving.cache.clearing import read_orders
from tests.redis_link.server import RedisServer

COUNTS = {"rows": 1200, "bytes": 600_000, "hits": 80, "shared_hits": 10, "joined": 5, "misses": 5, "unasked": 40}


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[str]:
    """A living worker that remembers something."""
    record = WorkerRecord(tmp_path)
    record.open(state := WorkerState(pid=os.getpid(), host="here", active="3", cache=COUNTS))
    yield state.name
    record.close()


def run(store: Path, *arguments: str, redis: str = "") -> Result:
    environment = {"GLUONSERVE_HOME": str(store / "home"), "MODEL_PATH": str(store), "REDIS_URL": redis}
    return CliRunner(env=environment).invoke(main, ["cache", *arguments])


def test_without_anything_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert run(tmp_path, "stats").stdout == "No worker that remembers answers is running.\n"
    assert orjson.loads(run(tmp_path, "stats", "--json").stdout) == {
        "redis": None,
        "workers": [],
        "looked_for": 0,
        "known": 0,
        "hit_ratio": None,
    }


def test_what_workers_and_redis_remember_is_shown(tmp_path: Path, server: RedisServer, worker: str) -> None:
    with server.connect() as client:
        client.flushall()
        client.mset({f"gluonserve:cache:churn:3:{number}": b"" for number in range(1500)})
        client.mset({"gluonserve:cache:a:b:2:1": b"", "somebody:else": b""})
    lines = [" ".join(line.split()) for line in run(tmp_path, "stats", redis=server.url).stdout.splitlines()]
    assert lines == [
        "in Redis rows",
        "a:b:2 1",
        "churn:3 1,500",
        "worker rows MB looked for known",
        f"{worker} 1,200 0.6 100 95.0%",
    ]
    assert orjson.loads(run(tmp_path, "stats", "--json", redis=server.url).stdout)["hit_ratio"] == 0.95


def test_what_a_pattern_fits_is_forgotten_and_nothing_else(tmp_path: Path, server: RedisServer) -> None:
    with server.connect() as client:
        client.flushall()
        client.mset({f"gluonserve:cache:churn:{version}:{n}": b"" for version in (3, 33) for n in range(1500)})
        client.set("somebody:else", b"")
        cleared = run(tmp_path, "clear", "--pattern", "churn:3", redis=server.url)
        assert client.dbsize() == 1501
        everything = run(tmp_path, "clear", redis=server.url)
        assert client.keys() == [b"somebody:else"]
    assert cleared.stdout == "Workers forget the answers of churn:3. 1,500 were removed from Redis.\n"
    assert everything.stdout == "Workers forget the answers of *. 1,500 were removed from Redis.\n"
    assert [order.pattern for order in read_orders(tmp_path)] == ["churn:3", "*"]


def test_a_redis_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    refused = run(tmp_path, "clear", redis="redis://127.0.0.1:1/0")
    assert (refused.exit_code, refused.stderr) == (1, "Error: Redis does not answer.\n")
    assert read_orders(tmp_path) == ()
