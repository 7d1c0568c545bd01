from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.errors import ModelNotReady
from app.release.files import write_json
from app.release.store import ReleaseStore
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.follower import Follower
from app.runtime.switching.slots import ReleaseSlots
from tests.builders import make_release
from tests.fixtures import FittedModel
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
    store: ReleaseStore, start: Callable[[ReleaseStore], ActiveRelease], fitted: Callable[[str], FittedModel]
) -> None:
    (store.path / "ACTIVE").unlink()
    active = start(store)
    assert active.current is None
    store.activate("1")
    wait_until(lambda: version_of(active) == "1", seconds=30)
    model = fitted("binary")
    make_release(store, model.predictor, model.held_out, train_data=model.train_data, activate=True)
    wait_until(lambda: version_of(active) == "2", seconds=30)


def test_a_version_that_cannot_be_loaded_leaves_the_present_one_in_service(
    store: ReleaseStore,
    start: Callable[[ReleaseStore], ActiveRelease],
    fitted: Callable[[str], FittedModel],
    caplog: pytest.LogCaptureFixture,
) -> None:
    active = start(store)
    model = fitted("binary")
    make_release(store, model.predictor, model.held_out, activate=False)
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
