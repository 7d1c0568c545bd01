"""kill -9 at random moments of publishing and activating: what is active stays whole, and nothing stays locked."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from app.errors import Conflict
from app.release.pointer import activating
from tests.bench.load.open_loop import Answer
from tests.flows.crashing import open_store, publish_one, victims_at_work
from tests.flows.traffic import KnownAnswers, server_under_load
from tests.server import wait_until

KILLS_WHILE_PUBLISHING = 35
KILLS_WHILE_ACTIVATING = 15
KILLED_WORKERS = 4
DAY_SECONDS = 24 * 3600
READY_SECONDS = 90
RATE = 40
# What a store holds beside its versions when nobody is at it.
AT_REST = {"ACTIVE", ".lock", ".activation.lock", ".last-version"}


def check_store(path: Path) -> tuple[int, int]:
    """Every version is whole, and what is active is one of them; return the newest and the active one, 0 for none."""
    store = open_store(path)
    versions = store.versions()
    for version in versions:
        store.verify(version)
    pointer = store.active()
    assert pointer is None or pointer.version in versions
    return int(versions[-1]) if versions else 0, int(pointer.version) if pointer else 0


def list_leftovers(path: Path) -> list[Path]:
    return [entry for entry in path.iterdir() if entry.name not in {*AT_REST, *open_store(path).versions()}]


def test_a_publisher_killed_at_any_moment_leaves_whole_releases_and_its_remains_are_cleared_away(
    tmp_path: Path,
) -> None:
    path, found, leftovers = tmp_path / "models", (0, 0), 0
    with victims_at_work("publish", path, seed=3) as victims:
        for _ in range(KILLS_WHILE_PUBLISHING):
            victims.run_one(at_most_seconds=0.1)
            if path.exists():
                leftovers += bool(list_leftovers(path))
                before, found = found, check_store(path)
                # Nothing that was there once is gone, whether published or active.
                assert found >= before
                assert found[1] >= before[1]
    assert leftovers, "no process was killed in the middle of anything"
    # No lock stayed held, and the work goes on where it was left.
    store = open_store(path)
    version = publish_one(store)
    assert int(version) > found[0]
    with activating(path):
        assert store.activate(version).version == version
    for left in list_leftovers(path):
        yesterday = time.time() - DAY_SECONDS - 1
        os.utime(left, (yesterday, yesterday))
    with store.staging():
        pass
    assert list_leftovers(path) == []


def test_an_operator_killed_during_an_activation_costs_no_answer_and_the_next_one_works(
    pair_home: Path, make_key: Callable[..., str], pair_answers: KnownAnswers
) -> None:
    key, path = make_key(pair_home, "predict", "admin"), pair_home / "models"
    with server_under_load(pair_home, key, pair_answers, rate=RATE) as under_load:
        operator = under_load.operator
        # Once it is loaded everywhere, activations take a fraction of a second.
        assert [operator.activate(version).status for version in ("2", "1")] == [200, 200]
        with victims_at_work("activate", path, seed=4) as victims:
            for _ in range(KILLS_WHILE_ACTIVATING):
                with operator.changing("1", "2"):
                    victims.run_one(at_most_seconds=0.5)
                check_store(path)
        last = "2" if operator.read_active() == "1" else "1"
        call = operator.activate(last)
    assert (call.status, call.document["version"], call.document["workers"]) == (200, last, 2)
    assert not (path / ".workers" / "PREPARE").exists()
    assert (under_load.faults.failed, under_load.faults.mixed, under_load.faults.old) == ([], [], [])


def test_a_command_killed_with_all_its_processes_during_the_trial_changes_nothing(
    pair_home: Path, make_key: Callable[..., str], pair_answers: KnownAnswers
) -> None:
    command = [sys.executable, "-m", "app.cli", "models", "activate", "2"]
    environment = {**os.environ, "GLUONSERVE_HOME": str(pair_home)}
    key = make_key(pair_home, "predict", "admin")
    with server_under_load(pair_home, key, pair_answers, rate=RATE) as under_load:
        operator = under_load.operator
        with subprocess.Popen(command, env=environment, start_new_session=True) as process:
            wait_until(lambda: is_locked(pair_home / "models"), seconds=READY_SECONDS)
            os.killpg(process.pid, signal.SIGKILL)
        assert operator.read_active() == "1"
        assert operator.activate("2").status == 200
    assert (under_load.faults.failed, under_load.faults.mixed, under_load.faults.old) == ([], [], [])


def is_locked(path: Path) -> bool:
    """Whether somebody is activating."""
    if not (path / ".activation.lock").exists():
        return False
    try:
        with activating(path):
            return False
    except Conflict:
        return True


def test_a_worker_killed_during_switches_costs_what_it_was_answering_and_nothing_else(
    pair_home: Path, make_key: Callable[..., str], pair_answers: KnownAnswers
) -> None:
    key, path, chooser = make_key(pair_home, "predict", "admin"), pair_home / "models", random.Random(5)
    killed: list[float] = []
    with server_under_load(pair_home, key, pair_answers, rate=RATE) as under_load:
        operator, server = under_load.operator, under_load.server
        assert [operator.activate(version).status for version in ("2", "1")] == [200, 200]
        with operator.changing("1", "2"), victims_at_work("activate", path, seed=6) as victims:
            for _ in range(KILLED_WORKERS):
                workers = server.workers()
                os.kill(chooser.choice(workers), signal.SIGKILL)
                killed.append(time.perf_counter())
                victims.run_one(at_most_seconds=0.5)
                wait_until(lambda: len(server.workers()) == 2, seconds=READY_SECONDS)
                check_store(path)
        wait_until(server.is_ready, seconds=READY_SECONDS)
        last = "2" if operator.read_active() == "1" else "1"
        assert operator.activate(last).status == 200
    failed = [answer for answer in under_load.answers if answer.status != 200]
    assert [answer for answer in failed if not was_under_way(answer, killed)] == []
    assert (under_load.faults.mixed, under_load.faults.old) == ([], [])


def was_under_way(answer: Answer, moments: list[float]) -> bool:
    return any(answer.sent <= moment <= answer.received for moment in moments)
