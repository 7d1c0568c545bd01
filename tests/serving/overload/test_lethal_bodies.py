from __future__ import annotations

import logging

import pytest

from app.errors import LethalRequest
from app.serving.overload.lethal_bodies import LethalBodies


class Refusing:
    """A survivor that refuses one digest, and notes what it is told."""

    def __init__(self) -> None:
        self.refused: bytes | None = None
        self.told: list[bytes | None] = []

    def enter(self, digest: bytes) -> float:
        self.told.append(digest)
        return 12.3 if digest == self.refused else 0.0

    def leave(self) -> None:
        self.told.append(None)


@pytest.fixture
def survivor() -> Refusing:
    return Refusing()


@pytest.fixture
def bodies(survivor: Refusing) -> LethalBodies:
    bodies = LethalBodies()
    bodies.share(survivor)
    return bodies


def test_the_survivor_is_told_of_the_beginning_and_the_end_by_a_digest(
    bodies: LethalBodies, survivor: Refusing
) -> None:
    bodies.begin("/predict", b"{}")
    bodies.end()
    begun, ended = survivor.told
    assert begun is not None
    assert (len(begun), ended) == (16, None)


def test_a_body_in_pieces_is_the_same_as_whole_and_another_at_another_address(
    bodies: LethalBodies, survivor: Refusing
) -> None:
    bodies.begin("/predict", b"tenure\n1\n")
    assert list(bodies.follow("/predict", [b"tenure\n", b"1\n"])) == [b"tenure\n", b"1\n"]
    bodies.begin("/invocations", b"tenure\n1\n")
    whole, pieces, elsewhere = survivor.told
    assert whole == pieces
    assert whole != elsewhere


def test_what_the_survivor_refuses_is_refused_and_said_once_without_the_body(
    bodies: LethalBodies, survivor: Refusing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    bodies.begin("/predict", b"hunter2")
    survivor.refused = survivor.told[0]
    for _ in range(3):
        with pytest.raises(LethalRequest) as refusal:
            bodies.begin("/predict", b"hunter2")
    assert (refusal.value.status, refusal.value.code, refusal.value.retry_after_seconds) == (422, "lethal_request", 13)
    (record,) = caplog.records
    assert "hunter2" not in record.message


def test_without_a_survivor_nothing_is_refused() -> None:
    bodies = LethalBodies()
    bodies.begin("/predict", b"{}")
    bodies.end()
