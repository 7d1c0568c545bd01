from __future__ import annotations

import gc
import sys
import weakref

import pytest

from app.errors import ReleaseUnusable
from app.release.store import ReleaseStore
from app.runtime.switching.slots import ReleaseSlots
from tests.manifests import TRUST, copy_version


@pytest.fixture
def slots(plan_store: ReleaseStore) -> ReleaseSlots:
    copy_version(plan_store, "1", "2", "3")
    return ReleaseSlots(ReleaseStore(plan_store.path, trust=TRUST))


def test_a_version_is_loaded_once_whatever_it_is_held_for(slots: ReleaseSlots) -> None:
    active = slots.hold("1", "active")
    assert slots.hold("1", "candidate") is active
    assert slots.get("1") is slots.find("active") is slots.find("candidate") is active


def test_a_version_that_no_role_names_is_let_go_with_all_it_holds(slots: ReleaseSlots) -> None:
    slots.hold("1", "active")
    gone = weakref.ref(slots.hold("2", "prepared"))
    slots.hold("3", "prepared")
    gc.collect()
    assert slots.list_held() == ["1", "3"]
    assert gone() is None


def test_roles_change_hands_at_once(slots: ReleaseSlots) -> None:
    slots.hold("1", "active")
    slots.hold("2", "prepared")
    slots.assign({"active": "2", "previous": "1", "prepared": None})
    assert slots.list_roles() == {"active": "2", "previous": "1"}
    slots.assign({"active": "1", "previous": "9"})
    assert (slots.list_roles(), slots.list_held()) == ({"active": "1"}, ["1"])


def test_a_version_that_cannot_be_loaded_leaves_every_role_as_it_was(slots: ReleaseSlots) -> None:
    slots.hold("1", "active")
    slots.hold("2", "prepared")
    (slots.store.directory("3") / "golden.json").write_text("")
    with pytest.raises(ReleaseUnusable, match=r"golden\.json has 0 bytes"):
        slots.hold("3", "prepared")
    assert slots.list_roles() == {"active": "1", "prepared": "2"}


def test_loading_leaves_the_interpreter_as_it_was(slots: ReleaseSlots) -> None:
    before = sys.getswitchinterval()
    with pytest.raises(ReleaseUnusable):
        slots.hold("9", "active")
    slots.hold("1", "active")
    assert (sys.getswitchinterval(), gc.isenabled()) == (before, True)
