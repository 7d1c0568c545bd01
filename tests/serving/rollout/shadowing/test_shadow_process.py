"""The real shadow process with a real release."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from app.release.golden import read_golden_rows
from app.release.store import GOLDEN, ReleaseStore
from app.runtime.loading import DEFAULT_RULES, LoadedRelease, load_release
from app.serving.rollout.comparison.ledger import Counts, Ledger, read_counts
from app.serving.rollout.shadowing.keeper import ShadowKeeper
from app.serving.rollout.shadowing.task import ShadowTask
from app.serving.rollout.trials.shadow import CopySender, ShadowTrial
from tests.server import wait_until
from tests.serving.rollout.trials.builders import make_release

START_SECONDS = 60


def make_task(store: ReleaseStore, version: str = "1") -> ShadowTask:
    return ShadowTask(
        store=store.path,
        version=version,
        trial="t1",
        trust=store.trust,
        prefer="plan",
        rules=DEFAULT_RULES,
        keeper=os.getpid(),
    )


@pytest.fixture
def keeper(plan_store: ReleaseStore) -> Iterator[ShadowKeeper]:
    keeper = ShadowKeeper(plan_store.path)
    yield keeper
    keeper.close()


@pytest.fixture
def ask(plan_store: ReleaseStore) -> Iterator[Callable[..., None]]:
    """Answer golden rows with a release that calls itself version 9, and send copies of all requests."""
    sender = CopySender(plan_store.path)
    loaded = load_release(plan_store.directory("1"), trust=plan_store.trust)
    active = LoadedRelease(make_release("9").manifest, loaded.schema, loaded.executor, "plan")
    trial = ShadowTrial(sender, Ledger(plan_store.path, "t1"), share=1.0)
    rows = read_golden_rows(plan_store.directory("1") / GOLDEN).rows

    def ask_once(**changes: Any) -> None:
        trial.answer(active, [{**row, **changes} for row in rows[:4]], None)

    yield ask_once
    sender.close()


def counts(store: ReleaseStore) -> Counts:
    return read_counts(store.path, "t1", base="9")


def wait_for_requests(store: ReleaseStore, ask: Callable[..., None], count: int) -> Counts:
    def are_enough() -> bool:
        ask()
        return counts(store).candidate.requests >= count

    wait_until(are_enough, seconds=START_SECONDS)
    return counts(store)


def test_the_process_asks_the_candidate_the_same_and_finds_equal_answers_equal(
    plan_store: ReleaseStore, keeper: ShadowKeeper, ask: Callable[..., None]
) -> None:
    assert keeper.watch(make_task(plan_store)) is None
    counted = wait_for_requests(plan_store, ask, 3)
    assert counted.active.requests == counted.candidate.requests
    assert counted.candidate.errors == 0
    assert counted.differences.rows == 4 * counted.candidate.requests
    assert counted.differences.other_labels == 0
    assert counted.differences.absolute.largest < 1e-6
    assert counted.candidate.times.quantile(0.5) is not None


def test_the_process_uses_idle_time_only_and_ends_with_the_trial(
    plan_store: ReleaseStore, keeper: ShadowKeeper, ask: Callable[..., None]
) -> None:
    keeper.watch(make_task(plan_store))
    pid = keeper.pid
    assert pid is not None
    wait_for_requests(plan_store, ask, 1)
    assert os.sched_getscheduler(pid) == os.SCHED_IDLE
    assert keeper.watch(None) is None
    assert keeper.pid is None
    assert not psutil.pid_exists(pid)


def test_of_several_workers_on_a_host_one_keeps_the_process(plan_store: ReleaseStore, keeper: ShadowKeeper) -> None:
    keeper.watch(make_task(plan_store))
    other = ShadowKeeper(plan_store.path)
    other.watch(make_task(plan_store))
    assert (keeper.pid is None, other.pid is None) == (False, True)
    keeper.watch(None)
    other.watch(make_task(plan_store))
    assert other.pid is not None
    other.close()


def test_a_killed_process_is_started_again_three_times_at_most(plan_store: ReleaseStore, keeper: ShadowKeeper) -> None:
    reason = None
    for _ in range(3):
        assert reason is None
        keeper.watch(make_task(plan_store))
        assert keeper.pid is not None
        process = psutil.Process(keeper.pid)
        process.kill()
        wait_until(lambda ended=process: not ended.is_running() or ended.status() == "zombie", seconds=10)  # type: ignore[misc]
        reason = keeper.watch(make_task(plan_store))
    assert reason == "Its shadow process ended 3 times, the last time with exit code -9."
    assert keeper.watch(make_task(plan_store)) == reason


def test_a_candidate_that_cannot_be_loaded_ends_the_process_with_the_reason(
    plan_store: ReleaseStore, keeper: ShadowKeeper
) -> None:
    (plan_store.directory("1") / "golden.json").write_text("")
    task, reasons = make_task(plan_store), []

    def has_ended() -> bool:
        reasons.append(keeper.watch(task))
        return reasons[-1] is not None

    wait_until(has_ended, seconds=START_SECONDS)
    assert "golden.json" in str(reasons[-1])


def test_no_process_is_left_when_the_worker_is_killed(plan_store: ReleaseStore, tmp_path: Path) -> None:
    program = f"""
import os, sys, time
from tests.serving.rollout.shadowing.test_shadow_process import ReleaseStore, ShadowKeeper, make_task
from pathlib import Path
store = ReleaseStore(Path({str(plan_store.path)!r}))
keeper = ShadowKeeper(store.path)
keeper.watch(make_task(store))
print(keeper.pid, flush=True)
time.sleep(600)
"""
    worker = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert worker.stdout is not None
    shadow = psutil.Process(int(worker.stdout.readline()))
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    wait_until(lambda: not shadow.is_running() or shadow.status() == psutil.STATUS_ZOMBIE, seconds=10)
    assert list((tmp_path / "plans" / ".rollout").glob("trial-*")) == []


def test_a_task_reaches_the_process_as_it_was_given(plan_store: ReleaseStore) -> None:
    task = make_task(plan_store)
    assert ShadowTask.from_bytes(task.to_bytes()) == task
    assert len(orjson.loads(task.to_bytes())) == 7
