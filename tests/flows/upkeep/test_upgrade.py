"""A new server takes over beside the old one, behind nginx, while callers ask: as docs/deploy/upgrade.md says."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from app.release.store import ReleaseStore
from tests.bench.servers.nginx import running_nginx
from tests.flows.upkeep.shell import PROGRAMS, read_blocks, run_commands
from tests.server import find_free_port, wait_until

CALLERS = 3
# Servers start meanwhile, on the same processors.
_SECONDS_BETWEEN_REQUESTS = 0.02
# In place of systemd: a unit is a process whose number stands in a file.
START = """{{ setsid env GLUONSERVE_HOME={home} WEB_CONCURRENCY=1 GLUONSERVE_MONITOR=off BIND=127.0.0.1:$1 \
    {programs}/python -m app.cli serve >{place}/unit-$1.log 2>&1 & }}; echo $! >{place}/unit-$1"""
STOP = "kill -TERM $(cat {place}/unit-$1); tail --pid=$(cat {place}/unit-$1) -f /dev/null; rm {place}/unit-$1"


class Machine:
    """Stands for systemd and nginx on one machine."""

    def __init__(self, place: Path, home: Path) -> None:
        self.old, self.new = find_free_port(), find_free_port()
        self.place = place
        words = {"home": home, "place": place, "programs": PROGRAMS}
        start, stop = START.format(**words), STOP.format(**words)
        old, new = f"set -- {self.old}", f"set -- {self.new}"
        self.stubs = {
            "systemctl": f'case "$*" in\n"start gluonserve") {old}; {start};;\n"stop gluonserve") {old}; {stop};;\n'
            f'"stop gluonserve-new") {new}; {stop};;\n*) exit 1;;\nesac',
            "systemd-run": f"{new}; {start}",
            "nginx": f'[ "$*" = "-s reload" ] && kill -HUP $(cat {place}/nginx/nginx.pid)',
            "ln": ":",
        }

    def run(self, commands: str) -> None:
        places = {
            "127.0.0.1:8000": f"127.0.0.1:{self.old}",
            "127.0.0.1:8001": f"127.0.0.1:{self.new}",
            "/etc/nginx": str(self.place / "nginx"),
        }
        named = {name: value for name, value in places.items() if name in commands}
        run_commands(commands, places=named, stubs=self.stubs, home=self.place)

    def is_ready(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.old}/health/ready", timeout=30).ok
        except requests.ConnectionError:
            return False

    def kill(self) -> None:
        for unit in self.place.glob("unit-[0-9]*[0-9]"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int(unit.read_text()), signal.SIGKILL)


@contextlib.contextmanager
def calling(url: str, row: Any, key: str) -> Iterator[list[int]]:
    """Callers that do not stop asking until the end of the block; the statuses of their answers, 0 for none."""
    statuses: list[int] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            try:
                answer = requests.post(url, json={"data": [row]}, headers={"X-API-Key": key}, timeout=60)
                statuses.append(answer.status_code)
            except requests.RequestException:
                statuses.append(0)
            time.sleep(_SECONDS_BETWEEN_REQUESTS)

    threads = [threading.Thread(target=ask) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def home(plan_store: ReleaseStore, tmp_path: Path) -> Path:
    shutil.move(plan_store.path, tmp_path / "home" / "models")
    return tmp_path / "home"


@pytest.fixture
def machine(home: Path, tmp_path: Path) -> Iterator[Machine]:
    started = Machine(tmp_path, home)
    try:
        started.run("systemctl start gluonserve")
        wait_until(started.is_ready, seconds=60)
        yield started
    finally:
        started.kill()


def test_no_request_is_lost_while_a_new_server_takes_over(
    machine: Machine, home: Path, make_key: Callable[..., str]
) -> None:
    key = make_key(home)
    commands = read_blocks("docs/deploy/upgrade.md", which="--unit=gluonserve-new")
    with running_nginx(machine.place / "nginx", upstream=f"127.0.0.1:{machine.old}") as (host, port):
        url = f"http://{host}:{port}"
        row = requests.get(f"{url}/model/schema", headers={"X-API-Key": key}, timeout=60).json()["sample"]
        with calling(f"{url}/predict", row, key) as statuses:
            machine.run(commands)
            time.sleep(0.2)

    assert set(statuses) == {200}
    assert len(statuses) > 100
    taken_over = (machine.place / f"unit-{machine.new}.log").read_text()
    assert re.search("Serving shop version 1", taken_over)
