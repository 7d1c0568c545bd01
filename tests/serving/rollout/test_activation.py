"""Activations as HTTP and the command line ask for them, with and without workers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.database import create_tables, opened_database
from app.errors import Conflict, NotFound, ReleaseRefused
from app.release.pointer import activating
from app.release.store import ReleaseStore
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.follower import Follower
from app.runtime.switching.slots import ReleaseSlots
from app.runtime.switching.workers import WorkerRecord, WorkerState, read_instruction
from app.security.audit import AuditLog
from app.serving.rollout.activation import ActivationLimits, Activator
from tests.manifests import TRUST, copy_version
from tests.runtime.test_trial import plant


@pytest.fixture
def store(plan_store: ReleaseStore) -> ReleaseStore:
    """Version 1 is active, 2 and 3 are like it."""
    copy_version(plan_store, "1", "2", "3")
    return ReleaseStore(plan_store.path, trust=TRUST)


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[AuditLog]:
    with opened_database(f"sqlite:///{tmp_path}/audit.db") as database:
        create_tables(database)
        yield AuditLog(database)


@pytest.fixture
def activator(store: ReleaseStore, audit: AuditLog) -> Activator:
    limits = ActivationLimits(trial=60, preparation=60, confirmation=30)
    return Activator(store, audit=audit, limits=limits)


@pytest.fixture
def worker(store: ReleaseStore) -> Iterator[ActiveRelease]:
    """A worker of this process that serves version 1."""
    active = ActiveRelease(ReleaseSlots(store))
    follower = Follower(active, poll_seconds=0.02)
    follower.start()
    yield active
    follower.close()


def list_acts(audit: AuditLog) -> list[tuple[Any, ...]]:
    return [(e.actor, e.action, e.target, e.before, e.after, e.outcome) for e in reversed(audit.list())]


def name_active(store: ReleaseStore) -> str:
    pointer = store.active()
    assert pointer is not None
    return pointer.version


def test_a_worker_has_switched_when_the_call_returns(
    store: ReleaseStore, activator: Activator, worker: ActiveRelease
) -> None:
    result = activator.activate("2", by="key:abc")
    current = worker.current
    assert current is not None
    assert current.manifest.version == "2"
    assert replace(result, seconds=0).__dict__ == {
        "version": "2",
        "previous": "1",
        "workers": 1,
        "unconfirmed": (),
        "seconds": 0,
    }
    assert read_instruction(store.path) is None


def test_every_act_is_recorded_with_who_from_and_to(
    activator: Activator, audit: AuditLog, worker: ActiveRelease
) -> None:
    activator.activate("2", by="key:abc")
    activator.rollback(by="cli:ann")
    assert worker.require().manifest.version == "1"
    assert list_acts(audit) == [
        ("key:abc", "activate", "model", "1", "2", "started"),
        ("key:abc", "activate", "model", "1", "2", "done"),
        ("cli:ann", "rollback", "model", "2", "1", "done"),
    ]


def test_to_activate_the_active_version_changes_nothing(
    store: ReleaseStore, activator: Activator, audit: AuditLog, worker: ActiveRelease
) -> None:
    before = store.pointer_stamp()
    assert activator.activate("1", by="key:abc").version == "1"
    assert store.pointer_stamp() == before
    assert list_acts(audit) == []
    assert worker.require().manifest.version == "1"


def test_a_rollback_can_be_rolled_back(store: ReleaseStore, activator: Activator, worker: ActiveRelease) -> None:
    activator.activate("3", by="cli:ann")
    answered = [(activator.rollback(by="cli:ann").version, worker.require().manifest.version) for _ in range(4)]
    assert answered == [("1", "1"), ("3", "3"), ("1", "1"), ("3", "3")]


@pytest.mark.parametrize("with_worker", [False, True])
def test_a_damaged_version_changes_nothing_and_is_recorded(
    store: ReleaseStore, activator: Activator, audit: AuditLog, request: pytest.FixtureRequest, with_worker: bool
) -> None:
    if with_worker:
        request.getfixturevalue("worker")
    path = store.directory("2") / "schema.json"
    path.write_bytes(path.read_bytes().replace(b"amount", b"amaunt", 1))
    with pytest.raises(ReleaseRefused, match=r"^Version 2: schema\.json was altered after publication"):
        activator.activate("2", by="key:abc")
    assert name_active(store) == "1"
    assert [act[-1] for act in list_acts(audit)] == ["started", "failed"]
    assert str(audit.list()[0].detail).startswith("Version 2: schema.json was altered")


def test_what_a_library_says_of_a_version_is_for_the_log_alone(
    store: ReleaseStore, audit: AuditLog, caplog: pytest.LogCaptureFixture
) -> None:
    plant(store, open, "/srv/nowhere/secret.txt", version="2")
    activator = Activator(store, audit=audit, prefer="native")
    with pytest.raises(ReleaseRefused) as refused:
        activator.activate("2", by="key:abc")
    assert refused.value.detail == "Version 2: AutoGluon could not load the model (FileNotFoundError)."
    assert "No such file or directory: '/srv/nowhere/secret.txt'" in caplog.text


def test_a_previous_version_that_was_damaged_is_not_rolled_back_to(
    store: ReleaseStore, activator: Activator, worker: ActiveRelease
) -> None:
    activator.activate("2", by="cli:ann")
    (store.directory("1") / "golden.json").write_text("")
    with pytest.raises(ReleaseRefused, match=r"golden\.json"):
        activator.rollback(by="cli:ann")
    assert (name_active(store), worker.require().manifest.version) == ("2", "2")


def test_what_does_not_exist_is_not_found(activator: Activator, audit: AuditLog) -> None:
    with pytest.raises(NotFound) as refused:
        activator.activate("9", by="cli:ann")
    assert (refused.value.status, refused.value.code, list_acts(audit)) == (404, "version_not_found", [])


def test_without_a_previous_version_there_is_no_way_back(activator: Activator) -> None:
    with pytest.raises(Conflict) as refused:
        activator.rollback(by="cli:ann")
    assert refused.value.code == "no_previous_version"


@pytest.mark.parametrize("act", [lambda a: a.activate("2", by="x"), lambda a: a.rollback(by="x")])
def test_of_two_at_once_the_second_is_told_to_wait(
    store: ReleaseStore, activator: Activator, act: Callable[[Activator], Any]
) -> None:
    with activating(store.path), pytest.raises(Conflict) as refused:
        act(activator)
    assert (refused.value.status, refused.value.code) == (409, "activation_in_progress")
    assert name_active(store) == "1"
    activator.activate("2", by="x")


def test_a_store_that_cannot_be_written_is_named_as_the_reason(store: ReleaseStore, activator: Activator) -> None:
    # A directory in place of the file: a test that runs as root may write everywhere.
    (store.path / ".activation.lock").mkdir()
    with pytest.raises(Conflict, match=r"^The model store cannot be written here \(Is a directory\)"):
        activator.activate("2", by="x")


def test_a_worker_that_cannot_load_it_stops_the_activation(store: ReleaseStore, activator: Activator) -> None:
    stranger = WorkerRecord(store.path)
    state = WorkerState(pid=7, host="small-machine", active="1", held=("1",))
    stranger.open(state)
    answering = threading.Thread(target=_answer, args=(store, stranger, state, "failed", "There is no memory left."))
    answering.start()
    with pytest.raises(Conflict, match=r"small-machine:7 cannot serve it\. There is no memory left\.") as refused:
        activator.activate("2", by="x")
    answering.join()
    stranger.close()
    assert (refused.value.code, name_active(store), read_instruction(store.path)) == ("activation_failed", "1", None)


def test_a_worker_that_does_not_answer_stops_the_activation_in_time(store: ReleaseStore, audit: AuditLog) -> None:
    stranger = WorkerRecord(store.path)
    stranger.open(WorkerState(pid=7, host="frozen", active="1", held=("1",)))
    activator = Activator(store, audit=audit, limits=ActivationLimits(trial=60, preparation=0.3, confirmation=0.3))
    with pytest.raises(Conflict, match=r"did not make it ready within 0 seconds: frozen:7\."):
        activator.activate("2", by="x")
    stranger.close()
    assert name_active(store) == "1"


def test_a_worker_that_hangs_after_the_switch_is_named(store: ReleaseStore, audit: AuditLog) -> None:
    stranger = WorkerRecord(store.path)
    state = WorkerState(pid=7, host="frozen", active="1", held=("1",))
    stranger.open(state)
    activator = Activator(store, audit=audit, limits=ActivationLimits(trial=60, preparation=60, confirmation=0.3))
    answering = threading.Thread(target=_answer, args=(store, stranger, state, "ready", None))
    answering.start()
    result = activator.activate("2", by="x")
    answering.join()
    stranger.close()
    assert (result.workers, result.unconfirmed, name_active(store)) == (0, ("frozen:7",), "2")


def test_a_database_that_is_gone_does_not_stop_a_rollback(
    store: ReleaseStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened_database(f"sqlite:///{tmp_path}/empty.db") as database:
        audit = AuditLog(database)
        activator = Activator(store, audit=audit)
        activator.activate("2", by="key:abc")
        assert activator.rollback(by="cli:ann").version == "1"
    assert audit.lost == 3
    assert sum(record.message.startswith("Not in the audit table (no such table") for record in caplog.records) == 3
    pointer = store.active()
    assert pointer is not None
    assert [(entry["version"], entry["previous"], entry["by"]) for entry in pointer.history[-2:]] == [
        ("2", "1", "key:abc"),
        ("1", "2", "cli:ann"),
    ]


def test_a_damaged_pointer_is_replaced_by_an_activation(store: ReleaseStore, activator: Activator) -> None:
    (store.path / "ACTIVE").write_text("{")
    assert (activator.activate("2", by="x").previous, name_active(store)) == (None, "2")


def _answer(store: ReleaseStore, record: WorkerRecord, state: WorkerState, outcome: Any, reason: str | None) -> None:
    """Wait for what is asked, then answer it."""
    for _ in range(3000):
        instruction = read_instruction(store.path)
        if instruction is not None:
            record.write(replace(state, token=instruction.token, outcome=outcome, reason=reason))
            return
        threading.Event().wait(0.01)
