"""What breaks while the server runs, or has broken before it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.release.store import NATIVE, ReleaseStore
from tests.manifests import sign_again
from tests.server import RunningServer, find_free_port, running_server, stop, wait_until

READY_SECONDS = 60


def sample_row(server: RunningServer, key: str) -> dict[str, Any]:
    sample: dict[str, Any] = server.get("/model/schema", key).json()["sample"]
    return sample


def test_a_killed_worker_is_replaced_by_one_that_predicts(home: Path, make_key: Callable[..., str]) -> None:
    with running_server(home, workers=1) as server:
        key = make_key(home)
        row = sample_row(server, key)
        before = server.predict([row], key).json()["probabilities"]
        (killed,) = server.workers()
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: server.workers() not in ([], [killed]) and server.is_ready(), seconds=READY_SECONDS)
        assert server.predict([row], key).json()["probabilities"] == before


def break_library_version(home: Path) -> None:
    path = home / "models" / "1" / "manifest.json"
    manifest = orjson.loads(path.read_bytes())
    manifest["libraries"]["autogluon.tabular"] = "1.5.0"
    path.write_bytes(orjson.dumps(manifest))
    sign_again(path.parent)


def break_model_file(home: Path) -> None:
    path = home / "models" / "1" / NATIVE
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def remove_models(home: Path) -> None:
    (home / "models").rename(home / "elsewhere")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (remove_models, "No version is active."),
        (break_model_file, f"{NATIVE} was altered after publication"),
        (break_library_version, "made with autogluon.tabular 1.5.0, installed is 1.6"),
    ],
)
def test_without_a_usable_model_the_server_runs_and_says_why(
    home: Path, make_key: Callable[..., str], damage: Callable[[Path], None], reason: str
) -> None:
    damage(home)
    with running_server(home) as server:
        ready = server.get("/health/ready")
        assert (ready.status_code, ready.json()["error"]) == (503, "model_not_ready")
        assert "Retry-After" in ready.headers
        health = server.get("/health").json()
        assert (health["status"], health["model_loaded"], health["model_info"]) == ("unhealthy", False, None)
        assert server.get("/health/live").status_code == 200
        assert server.predict([{}], make_key(home)).status_code == 503
        errors = [event["message"] for event in server.log_events() if event["level"] == "ERROR"]
        assert errors
        assert all("No model is served." in message and reason in message for message in errors)


def test_a_model_activated_later_is_served_by_every_worker_without_a_restart(home: Path) -> None:
    (home / "models" / "ACTIVE").unlink()
    with running_server(home) as server:
        assert not server.is_ready()
        ReleaseStore(home / "models").activate("1")
        wait_until(
            lambda: sum("Serving shop version 1" in line for line in server.log_lines()) == 2, seconds=READY_SECONDS
        )
        assert server.is_ready()


def test_a_request_under_way_at_sigterm_is_answered(home: Path, make_key: Callable[..., str]) -> None:
    with running_server(home, workers=1) as server:
        key = make_key(home)
        rows = [sample_row(server, key)] * 5000
        answers: list[int] = []
        caller = threading.Thread(target=lambda: answers.append(server.predict(rows, key).status_code))
        caller.start()
        time.sleep(0.3)
        assert stop(server.process) == 0
        caller.join()
        assert answers == [200]


def test_production_without_a_secret_is_refused_in_one_sentence(tmp_path: Path) -> None:
    environment = {**os.environ, "GLUONSERVE_HOME": str(tmp_path), "GLUONSERVE_ENV": "production"}
    command = [sys.executable, "-m", "app.cli", "serve"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "GLUONSERVE_SECRET" in ended.stderr


def test_the_server_starts_in_a_directory_that_has_an_app_and_a_config_of_its_own(tmp_path: Path) -> None:
    for package in ("app", "config"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise ImportError('the wrong one')")
    script = Path(sys.executable).with_name("gluonserve")
    address = f"127.0.0.1:{find_free_port()}"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen([script, "serve", "--bind", address], cwd=tmp_path, env=environment)
    try:
        server = RunningServer(process, f"http://{address}", tmp_path / "log")
        wait_until(server.is_live, seconds=60)
    finally:
        assert stop(process) == 0
