"""The load tester on a real server: what it counts is what the server has answered."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson

from tests.fixtures import FittedModel
from tests.server import RunningServer, running_server, wait_until


def test_a_load_test_of_a_real_server_says_what_the_server_says(
    plan_home: Path,
    plannable: Callable[[str], FittedModel],
    make_key: Callable[..., str],
    tmp_path: Path,
) -> None:
    plannable("binary").held_out.head(50).to_csv(tmp_path / "rows.csv", index=False)
    key = make_key(plan_home, "predict", "model_info", "metrics")
    with running_server(plan_home) as server:
        wait_until(server.is_ready, seconds=60)
        done = run_load_test(server, tmp_path / "rows.csv", key)
        # And one request more: the trial before the load. Workers count after they have answered.
        wait_until(lambda: count_rows(server, key) == 31 * 2, seconds=10)
    assert done.returncode == 0, done.stderr
    assert key not in done.stdout + done.stderr
    assert "Not sent: constant, bought." in done.stderr
    figures = orjson.loads(done.stdout)["figures"]
    assert (figures["requests"], figures["succeeded"], figures["failures"]) == (30, 30, [])


def run_load_test(server: RunningServer, rows: Path, key: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app.cli", "loadtest", server.url, "--rows", str(rows), "--key-file", "-"]
    load = ("--users", "2", "--requests", "15", "--rows-per-request", "2", "--json")
    return subprocess.run([*command, *load], input=key, capture_output=True, text=True, timeout=120, check=False)


def count_rows(server: RunningServer, key: str) -> float:
    lines = [line.split() for line in server.get("/metrics", key).text.splitlines() if not line.startswith("#")]
    return sum(float(value) for name, value in lines if name.startswith("gluonserve_predicted_rows_total"))
