"""Features that take no unseen values, as the store says: what a worker goes by."""

from __future__ import annotations

import logging

import pytest

from app.release.store import ReleaseStore
from app.runtime.switching.active import ActiveRelease
from app.runtime.switching.follower import Follower
from app.runtime.switching.rejections import REJECTED, RejectedFeatures, Rejection, read_rejections, write_rejections
from app.runtime.switching.slots import ReleaseSlots
from tests.server import wait_until


def make_rejection(feature: str = "amount", version: str = "1") -> Rejection:
    return Rejection(version=version, feature=feature, since="2026-11-24T08:00:00.000Z", by="cli:me", reason="drift")


def test_what_was_written_is_read_back(plan_store: ReleaseStore) -> None:
    assert read_rejections(plan_store.path) == ()
    write_rejections(plan_store.path, [make_rejection(), make_rejection("other", "2")])

    assert read_rejections(plan_store.path) == (make_rejection(), make_rejection("other", "2"))


def test_each_version_has_its_own(plan_store: ReleaseStore) -> None:
    rejected = RejectedFeatures(plan_store)
    of_first, of_second = rejected.reader_of("1"), rejected.reader_of("2")
    write_rejections(plan_store.path, [make_rejection("a"), make_rejection("b"), make_rejection("c", "2")])
    rejected.follow()

    assert [sorted(features) for features in (of_first(), of_second(), rejected.reader_of("3")())] == [
        ["a", "b"],
        ["c"],
        [],
    ]

    (plan_store.path / REJECTED).unlink()
    rejected.follow()
    assert of_first() == frozenset()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"rejections": [{"version": "1"}]}', b"\xff"])
def test_a_damaged_file_changes_nothing_and_is_logged_once(
    plan_store: ReleaseStore, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    rejected = RejectedFeatures(plan_store)
    write_rejections(plan_store.path, [make_rejection()])
    rejected.follow()
    (plan_store.path / REJECTED).write_bytes(content)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            rejected.follow()

    assert rejected.reader_of("1")() == {"amount"}
    assert len(caplog.records) == 1


def test_a_worker_follows_without_a_restart_and_knows_it_from_its_first_request(plan_store: ReleaseStore) -> None:
    active = ActiveRelease(ReleaseSlots(plan_store))
    follower = Follower(active, poll_seconds=0.02, duties=(active.slots.rejected.follow,))
    write_rejections(plan_store.path, [make_rejection()])
    follower.start()
    try:
        release = active.require()
        assert release.rejected() == {"amount"}
        write_rejections(plan_store.path, [])
        wait_until(lambda: not release.rejected(), seconds=10)
    finally:
        follower.close()
