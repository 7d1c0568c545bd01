from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.errors import ModelNotReady
from app.release.files import write_json
from app.release.store import ReleaseStore
from app.runtime.loading import LoadedRelease
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.follower import Follower
from app.runtime.switching.golden_checks import GoldenResult, NoGoldenChecks
from app.runtime.switching.slots import ReleaseSlots
from app.runtime.switching.workers import (
    Instruction,
    WorkerState,
    list_live_workers,
    withdraw_instruction,
    write_instruction,
)
from tests.manifests import copy_version
from tests.server import wait_until


@pytest.fixture
def start() -> Iterator[Callable[[ReleaseStore], ActiveRelease]]:
    started: list[Follower] = []

    def start_following(store: ReleaseStore) -> ActiveRelease:
        active = ActiveRelease(ReleaseSlots(store))
        follower = Follower(active, poll_seconds=0.02)
        follower.start()
        started.append(follower)
        return active

    yield start_following
    for follower in started:
        follower.close()


@pytest.fixture
def store(plan_store: ReleaseStore) -> ReleaseStore:
    """Version 1 is active, and loads in no time."""
    return plan_store


def version_of(active: ActiveRelease) -> str | None:
    return active.current.manifest.version if active.current else None


def test_the_active_release_is_loaded_at_the_start(
    store: ReleaseStore, start: Callable[[ReleaseStore], ActiveRelease]
) -> None:
    active = start(store)
    assert active.require().manifest.version == "1"
    assert active.ping()


def test_without_a_model_it_is_not_ready_and_says_what_to_do(
    tmp_path: Path, start: Callable[[ReleaseStore], ActiveRelease], caplog: pytest.LogCaptureFixture
) -> None:
    active = start(ReleaseStore(tmp_path / "nowhere"))
    assert not active.ping()
    with pytest.raises(ModelNotReady):
        active.require()
    assert [record.message for record in caplog.records] == [
        "No model is served. No version is active. Run: gluonserve models activate VERSION"
    ]


def test_a_version_activated_later_is_served_without_a_restart(
    store: ReleaseStore, start: Callable[[ReleaseStore], ActiveRelease]
) -> None:
    (store.path / "ACTIVE").unlink()
    active = start(store)
    assert active.current is None
    store.activate("1")
    wait_until(lambda: version_of(active) == "1", seconds=30)
    copy_version(store, "1", "2")
    store.activate("2")
    wait_until(lambda: version_of(active) == "2", seconds=30)


def test_a_version_that_cannot_be_loaded_leaves_the_present_one_in_service(
    store: ReleaseStore,
    start: Callable[[ReleaseStore], ActiveRelease],
    caplog: pytest.LogCaptureFixture,
) -> None:
    active = start(store)
    copy_version(store, "1", "2")
    (store.directory("2") / "golden.json").write_text("")
    write_json(store.path / "ACTIVE", {"version": "2", "previous": "1", "history": []})
    wait_until(
        lambda: any(record.message.startswith("Version 1 stays in service. ") for record in caplog.records), seconds=30
    )
    assert version_of(active) == "1"


@pytest.mark.parametrize("damage", ["pointer", "manifest", "file", "missing version"])
def test_whatever_is_wrong_at_the_start_it_stays_up_and_logs_one_line(
    store: ReleaseStore,
    start: Callable[[ReleaseStore], ActiveRelease],
    caplog: pytest.LogCaptureFixture,
    damage: str,
) -> None:
    if damage == "pointer":
        (store.path / "ACTIVE").write_bytes(b"\xff\x00")
    elif damage == "manifest":
        (store.directory("1") / "manifest.json").write_text("[]")
    elif damage == "file":
        (store.directory("1") / "schema.json").write_text("[]")
    else:
        (store.path / "ACTIVE").write_text('{"version": "7", "previous": null, "history": []}')
    active = start(store)
    assert active.current is None
    errors = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert errors[0].startswith("No model is served. ")
    assert "\n" not in errors[0]


def prepare(store: ReleaseStore, version: str, *, seconds: float = 60) -> WorkerState:
    """Have the one worker make a version ready; its answer."""
    write_instruction(store.path, Instruction(token=version, version=version, until=time.time() + seconds))
    wait_until(lambda: the_worker(store).token == version and the_worker(store).outcome != "loading", seconds=30)
    return the_worker(store)


def the_worker(store: ReleaseStore) -> WorkerState:
    (worker,) = list_live_workers(store.path).values()
    return worker


def test_a_worker_makes_ready_what_it_is_asked_to_and_says_so(
    store: ReleaseStore, start: Callable[[ReleaseStore], ActiveRelease]
) -> None:
    copy_version(store, "1", "2")
    start(store)
    ready = prepare(store, "2")
    assert (ready.outcome, ready.active, ready.held) == ("ready", "1", ("1", "2"))
    store.point_at("2", by="tests")
    # Nobody sends a request: the worker looks by itself.
    wait_until(lambda: the_worker(store).active == "2", seconds=30)


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_that_jumps_while_a_version_is_wanted_changes_nothing(store: ReleaseStore, hours: int) -> None:
    jumped, active = [0.0], ActiveRelease(ReleaseSlots(store))
    copy_version(store, "1", "2")
    follower = Follower(active, poll_seconds=0.02, clock=lambda: time.time() + jumped[0])
    follower.start()
    try:
        prepare(store, "2")
        jumped[0] = hours * 3600.0
        time.sleep(0.2)
        assert the_worker(store).held == ("1", "2")
        withdraw_instruction(store.path)
        wait_until(lambda: the_worker(store).held == ("1",), seconds=30)
    finally:
        follower.close()


def test_a_worker_that_cannot_load_a_version_says_why_and_serves_on(
    store: ReleaseStore, start: Callable[[ReleaseStore], ActiveRelease]
) -> None:
    copy_version(store, "1", "2")
    (store.directory("2") / "golden.json").write_text("")
    active = start(store)
    failed = prepare(store, "2")
    assert (failed.outcome, failed.active, failed.held) == ("failed", "1", ("1",))
    assert str(failed.reason).startswith("Version 2: golden.json has 0 bytes")
    assert active.require().manifest.version == "1"


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (None, (None, None)),
        (GoldenResult(), (None, None)),
        (GoldenResult("passed", 1.5, 0.4), (True, 1.5)),
        (GoldenResult("failed", 2.5, 0.4), (False, 2.5)),
    ],
)
def test_a_worker_tells_how_its_last_golden_row_came_out(
    store: ReleaseStore, result: GoldenResult | None, told: tuple[bool | None, float | None]
) -> None:
    golden = NoGoldenChecks()
    golden.result = result
    follower = Follower(ActiveRelease(ReleaseSlots(store)), golden=golden)
    follower.start()
    assert (the_worker(store).golden_ok, the_worker(store).golden_at) == told
    follower.close()


@pytest.mark.parametrize("end", ["withdrawn", "outlived"])
def test_what_was_made_ready_is_let_go_when_nobody_waits_for_it_any_more(
    store: ReleaseStore, start: Callable[[ReleaseStore], ActiveRelease], end: str
) -> None:
    copy_version(store, "1", "2")
    start(store)
    prepare(store, "2", seconds=3 if end == "outlived" else 60)
    if end == "withdrawn":
        withdraw_instruction(store.path)
    wait_until(lambda: the_worker(store).held == ("1",), seconds=30)


def test_after_a_start_the_previous_version_is_loaded_too(
    store: ReleaseStore, start: Callable[[ReleaseStore], ActiveRelease]
) -> None:
    copy_version(store, "1", "2")
    store.activate("2")
    active = start(store)
    assert active.require().manifest.version == "2"
    wait_until(lambda: the_worker(store).held == ("1", "2"), seconds=30)


def test_a_store_that_cannot_be_written_is_followed_all_the_same(
    store: ReleaseStore, start: Callable[[ReleaseStore], ActiveRelease], caplog: pytest.LogCaptureFixture
) -> None:
    # A file in place of the directory: a test that runs as root may write everywhere.
    (store.path / ".workers").write_text("")
    active = start(store)
    copy_version(store, "1", "2")
    store.activate("2")
    wait_until(lambda: version_of(active) == "2", seconds=30)
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert warnings[0].startswith("This worker cannot be seen by whoever activates a version: ")


def test_twenty_switches_leave_no_version_and_no_thread_behind(
    store: ReleaseStore, start: Callable[[ReleaseStore], ActiveRelease]
) -> None:
    copy_version(store, "1", "2", "3")
    active = start(store)
    threads = threading.active_count()
    for version in ["2", "3", "1"] * 7:
        store.point_at(version, by="tests")
        wait_until(lambda version=version: version_of(active) == version, seconds=30)  # type: ignore[misc]
    wait_until(lambda: the_worker(store).held == ("1", "3"), seconds=30)
    wait_until(lambda: threading.active_count() == threads, seconds=30)
    gc.collect()
    assert sum(isinstance(thing, LoadedRelease) for thing in gc.get_objects()) <= 3
