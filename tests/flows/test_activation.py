"""A real server with two workers whose version is changed, over HTTP and from the command line, while it answers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from app.release.store import ReleaseStore
from app.runtime.switching.workers import list_live_workers, read_instruction
from tests.manifests import TRUST, copy_version
from tests.server import RunningServer, running_server, wait_until


@dataclass
class Installation:
    """A server that answers by version 1, with versions 2 to 4 beside it, and its operator's key."""

    server: RunningServer
    home: Path
    key: str
    row: dict[str, Any] = field(default_factory=dict)

    @property
    def store(self) -> ReleaseStore:
        return ReleaseStore(self.home / "models", trust=TRUST)

    def post(self, path: str) -> requests.Response:
        return requests.post(self.server.url + path, headers={"X-API-Key": self.key}, timeout=60)

    def ask(self) -> tuple[int, str | None]:
        answer = self.server.predict([self.row], self.key)
        return answer.status_code, answer.json().get("model_info", {}).get("version")

    def name_active(self) -> str:
        pointer = self.store.active()
        assert pointer is not None
        return pointer.version

    def start_command(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "app.cli", "models", *arguments]
        return subprocess.Popen(
            command, env={**os.environ, "GLUONSERVE_HOME": str(self.home)}, stderr=subprocess.DEVNULL
        )


@pytest.fixture(scope="module")
def installation(
    published_plan: ReleaseStore, tmp_path_factory: pytest.TempPathFactory, make_key: Callable[..., str]
) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("switching")
    shutil.copytree(published_plan.path, home / "models")
    copy_version(ReleaseStore(home / "models"), "1", "2", "3", "4")
    with running_server(home) as server:
        key = make_key(home, "predict", "model_info", "admin")
        wait_until(lambda: len(list_live_workers(home / "models")) == 2 and server.is_ready(), seconds=60)
        yield Installation(server, home, key, server.get("/model/schema", key).json()["sample"])


def test_no_answer_is_lost_and_none_is_old_once_the_call_has_returned(installation: Installation) -> None:
    answers: list[tuple[int, str | None]] = []
    over = threading.Event()

    def ask_on() -> None:
        while not over.is_set():
            answers.append(installation.ask())

    with ThreadPoolExecutor(2) as callers:
        for _ in range(2):
            callers.submit(ask_on)
        for path, version in (("/models/2/activate", "2"), ("/models/3/activate", "3"), ("/models/rollback", "2")):
            answer = installation.post(path)
            assert (answer.status_code, answer.json()["version"], answer.json()["workers"]) == (200, version, 2)
            assert [installation.ask() for _ in range(8)] == [(200, version)] * 8
        over.set()
    assert {status for status, _ in answers} == {200}


def test_the_list_of_versions_says_what_is_active_and_how_it_came_to_be(installation: Installation) -> None:
    installation.post("/models/2/activate")
    installation.post("/models/4/activate")
    listed = installation.server.get("/models", installation.key).json()
    assert (listed["active"], listed["previous"]) == ("4", "2")
    assert [(one["version"], one["active"], one["previous"], one["name"]) for one in listed["versions"]] == [
        ("1", False, False, "shop"),
        ("2", False, True, "shop"),
        ("3", False, False, "shop"),
        ("4", True, False, "shop"),
    ]
    last = listed["activations"][0]
    assert (last["version"], last["previous"], last["by"]) == ("4", "2", f"key:{installation.key.split('_')[1]}")


def test_of_two_at_once_one_wins_and_the_other_is_in_conflict(installation: Installation) -> None:
    installation.post("/models/1/activate")
    with ThreadPoolExecutor(2) as callers:
        answers = list(callers.map(installation.post, ["/models/3/activate", "/models/4/activate"]))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    won = next(answer.json() for answer in answers if answer.status_code == 200)
    lost = next(answer.json() for answer in answers if answer.status_code == 409)
    assert lost["error"] == "activation_in_progress"
    assert installation.ask() == (200, won["version"])


def test_a_worker_killed_while_it_prepares_does_not_stop_the_activation(installation: Installation) -> None:
    installation.post("/models/1/activate")
    with installation.start_command("activate", "2") as command:
        wait_until(lambda: read_instruction(installation.store.path) is not None, seconds=60)
        os.kill(installation.server.workers()[0], signal.SIGKILL)
    assert (command.returncode, installation.name_active()) == (0, "2")
    wait_until(lambda: len(list_live_workers(installation.store.path)) == 2, seconds=60)
    assert [installation.ask() for _ in range(8)] == [(200, "2")] * 8


@pytest.mark.parametrize("moment", ["trial", "preparation"])
def test_an_activation_killed_on_its_way_changes_nothing_and_the_next_one_works(
    installation: Installation, moment: str
) -> None:
    installation.post("/models/1/activate")
    installation.post("/models/2/activate")
    command = installation.start_command("activate", "3")
    process = psutil.Process(command.pid)
    if moment == "trial":
        wait_until(lambda: bool(process.children()), seconds=60)
    else:
        wait_until(lambda: read_instruction(installation.store.path) is not None, seconds=60)
    command.kill()
    command.wait()
    assert installation.ask() == (200, installation.name_active())
    assert installation.post("/models/4/activate").status_code == 200
    assert [installation.ask() for _ in range(8)] == [(200, "4")] * 8


def test_a_damaged_version_is_refused_and_nothing_changes(installation: Installation) -> None:
    installation.post("/models/1/activate")
    path = installation.store.directory("3") / "golden.json"
    path.write_bytes(path.read_bytes()[:-2] + b" }")
    answer = installation.post("/models/3/activate")
    assert (answer.status_code, answer.json()["error"]) == (422, "release_refused")
    assert answer.json()["detail"].startswith("Version 3: golden.json")
    assert [installation.ask() for _ in range(8)] == [(200, "1")] * 8
