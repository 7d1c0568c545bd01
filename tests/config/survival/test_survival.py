from __future__ import annotations

import logging

import pytest

from config.survival.bodies import BodiesUnderWay
from config.survival.survival import Survival

DIGEST = b"0123456789abcdef"


@pytest.fixture
def survival() -> Survival:
    return Survival(threads=2, log=logging.getLogger("tests.survival"))


def test_ends_are_counted_by_how_far_the_worker_was(survival: Survival) -> None:
    survival.expect(0)
    survival.note_end(0)
    survival.expect(0)
    survival.attendance.come(0)
    survival.note_end(0)
    survival.expect(0)
    survival.attendance.come(0)
    survival.attendance.leave(0)
    survival.note_end(0)
    assert survival.count() == {"boot_failures": 1, "deaths": 1, "refused_bodies": 0}


def test_the_refusal_of_a_body_is_said_once_and_without_it(
    survival: Survival, caplog: pytest.LogCaptureFixture
) -> None:
    for place in (0, 1):
        survival.expect(place)
        survival.attendance.come(place)
        BodiesUnderWay(survival.bodies, place).enter(DIGEST)
        survival.note_end(place)
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.message == (
        "2 workers ended while they were at the request whose body has the digest 30313233343536373839616263646566: "
        "such requests are answered 422 for 600 s."
    )
    assert survival.count() == {"boot_failures": 0, "deaths": 2, "refused_bodies": 1}


def test_a_request_that_a_worker_leaves_at_an_orderly_end_is_not_suspect(survival: Survival) -> None:
    survival.expect(0)
    survival.attendance.come(0)
    BodiesUnderWay(survival.bodies, 0).enter(DIGEST)
    survival.attendance.leave(0)
    survival.note_end(0)
    assert survival.bodies.list_suspects() == []
