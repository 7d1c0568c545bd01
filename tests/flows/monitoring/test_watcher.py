"""The watcher as a process: killed at random moments, followed by who stood by, and beside a real server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import requests

from tests.flows.monitoring.killing import count_after_kills
from tests.flows.monitoring.scraping import scrape
from tests.server import running_server, stop, wait_until

KILLS = 6


def start_monitor(home: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", "monitor"],
            env={**os.environ, "GLUONSERVE_HOME": str(home)},
            stdout=output,
            stderr=output,
        )


def find_monitor(home: Path) -> psutil.Process:
    """The watcher of a home."""
    for process in psutil.process_iter(["name", "environ"]):
        environment = process.info["environ"] or {}
        if process.info["name"] == "monitor" and environment.get("GLUONSERVE_HOME") == str(home):
            return process
    raise AssertionError("Nobody watches.")


def test_killed_at_random_moments_it_counts_each_request_once(tmp_path: Path) -> None:
    logged, told = count_after_kills(tmp_path, kills=KILLS, most_seconds=0.6, seed=7)
    assert logged > 0
    assert told == logged


def test_who_stands_by_takes_over_when_the_watcher_is_killed_and_ends_in_order(tmp_path: Path) -> None:
    first_log, second_log = tmp_path / "first.log", tmp_path / "second.log"
    first = start_monitor(tmp_path / "home", first_log)
    wait_until(lambda: "This process watches" in first_log.read_text(), seconds=60)
    second = start_monitor(tmp_path / "home", second_log)
    try:
        wait_until(lambda: "Another process watches" in second_log.read_text(), seconds=60)
        first.kill()
        first.wait()
        wait_until(lambda: "This process watches" in second_log.read_text(), seconds=20)
    finally:
        assert stop(second) == 0


def test_beside_a_server_it_is_seen_and_without_it_predictions_go_on(
    plan_home: Path, make_key: Callable[..., str]
) -> None:
    key = make_key(plan_home, "predict", "model_info", "metrics")
    with running_server(plan_home, workers=1, environment={"GLUONSERVE_MONITOR": "beside"}) as server:
        wait_until(server.is_ready, seconds=60)
        row = server.get("/model/schema", key).json()["sample"]
        wait_until(lambda: server.get("/health").json()["monitor"]["status"] == "watching", seconds=60)
        assert scrape(server, key)["gluonserve_monitor_heartbeat_age_seconds", ()] < 60
        watcher = find_monitor(plan_home)
        keeper = watcher.parent()
        assert keeper is not None
        keeper.send_signal(signal.SIGKILL)
        wait_until(lambda: not watcher.is_running(), seconds=20)
        health = server.get("/health")
        assert (health.status_code, health.json()["status"]) == (requests.codes.ok, "healthy")
        assert server.predict([row], key).status_code == requests.codes.ok
