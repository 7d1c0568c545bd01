"""What one machine makes active becomes active on another that shares its model store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.database import create_tables, opened_database
from app.errors import ModelStoreUnreachable
from app.release.sharing.file_system import open_depot
from app.release.store import ReleaseStore
from app.security.audit import AuditLog
from app.serving.rollout.activation import Activator
from app.serving.rollout.following import DepotFollower
from tests.manifests import TRUST, copy_version
from tests.server import wait_until


class Machine:
    """A model store of its own, and what changes which version is active in it."""

    def __init__(self, path: Path, depot: Path, audit: AuditLog) -> None:
        shared = open_depot(str(depot))
        self.store = ReleaseStore(path, trust=TRUST, depot=shared)
        self.activator = Activator(self.store, audit=audit, share=self.store.share)
        self.follower = DepotFollower(
            shared, self.store, Activator(self.store, audit=audit), seconds_between_looks=0.05
        )

    @property
    def active(self) -> str | None:
        pointer = self.store.active()
        return pointer.version if pointer else None


@pytest.fixture
def depot(tmp_path: Path) -> Path:
    return tmp_path / "depot"


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[AuditLog]:
    with opened_database(f"sqlite:///{tmp_path}/audit.db") as database:
        create_tables(database)
        yield AuditLog(database)


@pytest.fixture
def ours(plan_store: ReleaseStore, depot: Path, audit: AuditLog) -> Machine:
    """Version 1 is active, 2 is like it."""
    copy_version(plan_store, "1", "2")
    return Machine(plan_store.path, depot, audit)


@pytest.fixture
def theirs(tmp_path: Path, depot: Path, audit: AuditLog) -> Machine:
    return Machine(tmp_path / "theirs", depot, audit)


def test_an_activation_and_a_rollback_are_followed_once_each(ours: Machine, theirs: Machine, audit: AuditLog) -> None:
    assert theirs.follower.look() is None
    followed = []
    ours.activator.activate("2", by="ann")
    followed.append(theirs.follower.look())
    ours.activator.rollback(by="ann")
    followed += [theirs.follower.look(), theirs.follower.look()]
    assert followed == ["2", "1", None]
    assert (theirs.active, theirs.store.versions()) == ("1", ["1", "2"])
    assert next((e.actor, e.after) for e in audit.list() if e.outcome == "done") == ("model store", "1")


def test_a_version_is_fetched_when_it_is_activated_by_hand(ours: Machine, theirs: Machine) -> None:
    ours.activator.activate("2", by="ann")
    theirs.activator.activate("2", by="bob")
    assert theirs.active == "2"


def test_what_was_made_active_here_since_the_last_look_is_not_undone(ours: Machine, theirs: Machine) -> None:
    ours.activator.activate("1", by="ann")
    theirs.follower.look()
    ours.store.share(ours.store.point_at("2", by="ann"))
    theirs.follower.look()
    # Active here, and others are about to be told of it.
    theirs.store.point_at("1", by="bob")
    assert theirs.follower.look() is None
    assert theirs.active == "1"


def test_who_makes_a_version_active_does_not_follow_himself(ours: Machine) -> None:
    ours.activator.activate("2", by="ann")
    assert ours.follower.look() == "2"
    history = ours.store.active()
    assert ours.follower.look() is None
    assert ours.store.active() == history


def test_a_damaged_version_is_not_followed_until_it_is_right(
    ours: Machine, theirs: Machine, depot: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours.activator.activate("1", by="ann")
    theirs.follower.look()
    ours.activator.activate("2", by="ann")
    manifest = depot / "2" / "manifest.json"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole.replace(b'"2"', b'"3"', 1))
    stop = threading.Event()
    thread = threading.Thread(target=theirs.follower.run, args=(stop,))
    with caplog.at_level(logging.INFO, "app.serving.rollout.following"):
        thread.start()
        wait_until(lambda: "is not followed" in caplog.text, seconds=60)
        assert theirs.active == "1"
        manifest.write_bytes(whole)
        wait_until(lambda: "can be followed again" in caplog.text, seconds=120)
        stop.set()
        thread.join()
    assert theirs.active == "2"
    assert caplog.text.count("is not followed") == 1


def test_an_operator_is_told_when_others_could_not_be(ours: Machine, theirs: Machine, depot: Path) -> None:
    depot.write_text("no directory any more")
    with pytest.raises(ModelStoreUnreachable, match="Version 2 is active here, and other machines do not know it"):
        ours.activator.activate("2", by="ann")
    assert ours.active == "2"
    depot.unlink()
    ours.activator.activate("2", by="ann")
    assert theirs.follower.look() == "2"
