"""Two servers with homes of their own that share a model store: one activates, the other follows while it answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from app.release.store import ReleaseStore
from tests.manifests import copy_version
from tests.server import running_server, wait_until


def run(home: Path, depot: Path, *arguments: str) -> str:
    variables = {**os.environ, "GLUONSERVE_HOME": str(home), "MODEL_STORE": str(depot)}
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "models", *arguments],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def list_followers(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        environment = process.info["environ"] or {}
        if (process.info["cmdline"] or [])[-2:] == ["models", "follow"] and environment.get("GLUONSERVE_HOME") == str(
            home
        ):
            found.append(process)
    return found


def test_what_one_machine_activates_the_other_serves_without_a_lost_request(
    published_plan: ReleaseStore, tmp_path: Path, make_key: Callable[..., str]
) -> None:
    ours, theirs, depot = tmp_path / "ours", tmp_path / "theirs", tmp_path / "depot"
    shutil.copytree(published_plan.path, ours / "models")
    copy_version(ReleaseStore(ours / "models"), "1", "2")
    key = make_key(theirs, "predict", "model_info")
    with running_server(theirs, environment={"MODEL_STORE": str(depot)}) as server:
        assert not server.is_ready()
        run(ours, depot, "activate", "1")
        wait_until(server.is_ready, seconds=90)
        row = server.get("/model/schema", key).json()["sample"]
        run(ours, depot, "activate", "2")
        statuses: set[int] = set()

        def follows() -> bool:
            answer = server.predict([row], key)
            statuses.add(answer.status_code)
            return bool(answer.json()["model_info"]["version"] == "2")

        wait_until(follows, seconds=90)
        assert statuses == {200}
        assert len(list_followers(theirs)) == 1
    wait_until(lambda: not list_followers(theirs), seconds=30)
    assert run(theirs, depot, "follow", "--once") == "Nothing has changed.\n"
