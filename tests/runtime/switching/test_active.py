"""What answers at which moment: the pointer decides, at every request anew."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from app.errors import ModelNotReady
from app.release.store import ReleaseStore
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.slots import ReleaseSlots
from tests.manifests import TRUST, copy_version


@pytest.fixture
def active(plan_store: ReleaseStore) -> ActiveRelease:
    """Version 1 answers, version 2 is held ready, version 3 is on disk."""
    copy_version(plan_store, "1", "2", "3")
    active = ActiveRelease(ReleaseSlots(ReleaseStore(plan_store.path, trust=TRUST)))
    active.follow_pointer()
    active.load_missing()
    active.settle()
    active.slots.hold("2", "prepared")
    return active


def version_of(active: ActiveRelease) -> str:
    return active.require().manifest.version


def test_the_first_request_after_the_pointer_was_replaced_is_answered_by_the_new_version(active: ActiveRelease) -> None:
    store = active.slots.store
    answered = [version_of(active)]
    for version in ("2", "1", "2", "2", "1"):
        store.point_at(version, by="tests")
        answered.append(version_of(active))
    assert answered == ["1", "2", "1", "2", "2", "1"]


def test_a_version_that_is_not_held_answers_when_it_is_loaded_and_the_present_one_meanwhile(
    active: ActiveRelease,
) -> None:
    active.slots.store.point_at("3", by="tests")
    assert (version_of(active), active.missing) == ("1", "3")
    active.load_missing()
    assert (version_of(active), active.missing) == ("3", None)


def test_after_a_switch_both_versions_are_kept_for_the_way_back_and_the_older_one_is_let_go(
    active: ActiveRelease,
) -> None:
    active.slots.store.point_at("2", by="tests")
    version_of(active)
    assert active.settle() is None
    active.slots.assign({"prepared": None})
    assert active.slots.list_roles() == {"active": "2", "previous": "1"}
    active.slots.store.point_at("3", by="tests")
    version_of(active)
    active.load_missing()
    active.settle()
    assert active.slots.list_roles() == {"active": "3", "previous": "2"}
    assert active.slots.list_held() == ["2", "3"]


def test_a_previous_version_that_is_not_held_is_asked_for(active: ActiveRelease) -> None:
    active.slots.store.point_at("3", by="tests")
    active.slots.store.point_at("2", by="tests")
    version_of(active)
    assert active.settle() == "3"


@pytest.mark.parametrize("content", ["", "{", '{"version": "7", "previous": null, "history": []}'])
def test_a_pointer_that_leads_nowhere_changes_nothing(active: ActiveRelease, content: str) -> None:
    (active.slots.store.path / "ACTIVE").write_text(content)
    assert version_of(active) == "1"
    active.load_missing()
    assert version_of(active) == "1"
    active.slots.store.point_at("2", by="tests")
    assert version_of(active) == "2"


def test_without_a_pointer_nothing_answers(plan_store: ReleaseStore) -> None:
    (plan_store.path / "ACTIVE").unlink()
    active = ActiveRelease(ReleaseSlots(plan_store))
    assert active.has_no_pointer
    with pytest.raises(ModelNotReady):
        active.require()


def test_a_request_that_began_before_a_switch_counts_as_older_until_it_ends(active: ActiveRelease) -> None:
    began, may_end = threading.Event(), threading.Event()

    def answer_slowly() -> None:
        active.begin()
        began.set()
        may_end.wait(30)
        active.end()

    thread = threading.Thread(target=answer_slowly)
    thread.start()
    began.wait(30)
    assert active.count_older_requests() == 0
    active.slots.store.point_at("2", by="tests")
    assert active.begin().manifest.version == "2"
    assert active.count_older_requests() == 1
    may_end.set()
    thread.join()
    assert active.count_older_requests() == 0


@pytest.fixture
def begin(plan_store: ReleaseStore) -> Callable[..., ActiveRelease]:
    """A worker begins where versions 1, 2 and 3 were activated one after the other; some cannot be loaded."""
    copy_version(plan_store, "1", "2", "3")
    for version in ("2", "3"):
        plan_store.activate(version)

    def begin(*damaged: str) -> ActiveRelease:
        for version in damaged:
            (plan_store.directory(version) / "golden.json").write_text("")
        active = ActiveRelease(ReleaseSlots(plan_store))
        active.follow_pointer()
        active.load_missing()
        return active

    return begin


@pytest.mark.parametrize(("damaged", "answering"), [((), "3"), (("3",), "2"), (("3", "2"), "1")])
def test_where_the_active_version_cannot_be_loaded_the_last_one_that_can_be_answers(
    begin: Callable[..., ActiveRelease], damaged: tuple[str, ...], answering: str
) -> None:
    active = begin(*damaged)
    assert (version_of(active), active.stands_in, active.missing) == (answering, answering != "3", None)


def test_the_stand_in_is_said_in_one_line(
    begin: Callable[..., ActiveRelease], caplog: pytest.LogCaptureFixture
) -> None:
    begin("3")
    (line,) = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert line.startswith("Version 2 answers in place of version 3. ")


def test_where_no_version_can_be_loaded_nothing_answers(begin: Callable[..., ActiveRelease]) -> None:
    active = begin("1", "2", "3")
    assert (active.current, active.stands_in) == (None, False)


def test_the_stand_in_ends_with_the_next_activation(begin: Callable[..., ActiveRelease]) -> None:
    active = begin("3")
    active.slots.store.point_at("1", by="tests")
    active.follow_pointer()
    active.load_missing()
    assert (version_of(active), active.stands_in) == ("1", False)
