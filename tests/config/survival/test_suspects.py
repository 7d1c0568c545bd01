from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace

import pytest

from config.survival.bodies import BodiesUnderWay
from config.survival.suspects import SECONDS_OF_REFUSAL, Suspect, SuspectBoard

POISON, INNOCENT, OTHER = (bytes([number]) * 16 for number in (1, 2, 3))


@pytest.fixture
def board() -> SuspectBoard:
    board = SuspectBoard(places=3, threads=2)
    for place in range(3):
        board.expect(place)
    return board


def die_at(board: SuspectBoard, place: int, *digests: bytes) -> None:
    """A worker begins with bodies, each in a thread, and is killed."""
    worker = os.fork()
    if worker == 0:
        under_way = BodiesUnderWay(board, place)
        for digest in digests:
            begin_in_thread(under_way, digest)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(worker, 0)


def begin_in_thread(under_way: BodiesUnderWay, digest: bytes) -> None:
    begun = threading.Event()

    def work() -> None:
        under_way.enter(digest)
        begun.set()
        threading.Event().wait()

    threading.Thread(target=work, daemon=True).start()
    begun.wait()


def test_a_body_that_two_workers_died_of_is_refused_by_all(board: SuspectBoard) -> None:
    for place in (0, 1):
        assert BodiesUnderWay(board, 2).enter(POISON) == 0.0
        board.forget(2)
        die_at(board, place, POISON)
        refused = board.blame(place)
    assert [suspect.key for suspect in refused] == [POISON]
    assert SECONDS_OF_REFUSAL - 5 < BodiesUnderWay(board, 2).enter(POISON) <= SECONDS_OF_REFUSAL
    assert BodiesUnderWay(board, 2).enter(OTHER) == 0.0
    assert board.count_condemned() == 1


def test_a_worker_that_was_open_before_knows_at_its_next_request(board: SuspectBoard) -> None:
    under_way = BodiesUnderWay(board, 2)
    assert under_way.enter(POISON) == 0.0
    under_way.leave()
    for place in (0, 1):
        die_at(board, place, POISON)
        board.blame(place)
    assert under_way.enter(POISON) > 0


def test_several_copies_in_one_worker_are_one_death(board: SuspectBoard) -> None:
    die_at(board, 0, POISON, POISON)
    assert [suspect.deaths for suspect in board.blame(0)] == [1]


def test_a_body_that_is_answered_is_suspect_no_more(board: SuspectBoard) -> None:
    under_way = BodiesUnderWay(board, 2)
    for _ in range(3):
        die_at(board, 0, INNOCENT)
        (suspect,) = board.blame(0)
        assert not suspect.is_condemned
        assert under_way.enter(INNOCENT) == 0.0
        under_way.leave()
    assert board.list_suspects() == []


def test_beside_a_suspect_nobody_else_is_blamed(board: SuspectBoard) -> None:
    die_at(board, 0, POISON)
    board.blame(0)
    die_at(board, 1, POISON, OTHER)
    board.blame(1)
    assert [(suspect.key, suspect.deaths) for suspect in board.list_suspects()] == [(POISON, 2)]


def test_suspects_are_tried_one_at_a_time(board: SuspectBoard) -> None:
    die_at(board, 0, POISON, INNOCENT)
    board.blame(0)
    under_way, begun = BodiesUnderWay(board, 1), threading.Event()
    under_way.enter(POISON)

    def try_innocent() -> None:
        under_way.enter(INNOCENT)
        begun.set()

    waiting = threading.Thread(target=try_innocent)
    waiting.start()
    assert not begun.wait(0.2)
    under_way.leave()
    assert begun.wait(10)
    waiting.join()


def test_what_waits_for_its_turn_when_a_worker_dies_is_not_blamed(board: SuspectBoard) -> None:
    die_at(board, 0, POISON, INNOCENT)
    board.blame(0)
    die_at_first_of_two(board, 1)
    assert [suspect.key for suspect in board.blame(1)] == [POISON]
    assert BodiesUnderWay(board, 2).enter(INNOCENT) == 0.0


def die_at_first_of_two(board: SuspectBoard, place: int) -> None:
    worker = os.fork()
    if worker == 0:
        under_way = BodiesUnderWay(board, place)
        under_way.enter(POISON)
        waiting = threading.Thread(target=under_way.enter, args=(INNOCENT,))
        waiting.start()
        waiting.join(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(worker, 0)


def test_another_try_waits_until_it_is_known_what_a_worker_died_of(board: SuspectBoard) -> None:
    die_at(board, 0, POISON)
    board.blame(0)
    die_at(board, 1, POISON)
    # The proxy is faster than the master, who has not seen the second death.
    told = list[float]()
    trying = threading.Thread(target=lambda: told.append(BodiesUnderWay(board, 2).enter(POISON)))
    trying.start()
    trying.join(0.1)
    assert told == []
    board.blame(1)
    trying.join(10)
    assert told[0] > 0


def test_only_who_is_at_a_body_now_is_listed(board: SuspectBoard) -> None:
    under_way = BodiesUnderWay(board, 0)
    under_way.enter(POISON)
    assert board.list_processes_at(POISON, besides=1) == [os.getpid()]
    assert board.list_processes_at(POISON, besides=0) == []
    under_way.leave()
    assert board.list_processes_at(POISON, besides=1) == []


def test_nobody_waits_for_a_worker_that_lives_or_for_a_master_that_does_not(board: SuspectBoard) -> None:
    alive = BodiesUnderWay(board, 0)
    alive.enter(INNOCENT)
    begun = time.monotonic()
    assert BodiesUnderWay(board, 1).enter(INNOCENT) == 0.0
    assert time.monotonic() - begun < 0.5
    die_at(board, 2, POISON)
    assert BodiesUnderWay(board, 1).enter(POISON) == 0.0
    assert time.monotonic() - begun >= 1.0


def test_nothing_is_blamed_for_an_orderly_end(board: SuspectBoard) -> None:
    die_at(board, 0, POISON)
    board.forget(0)
    assert board.blame(0) == []
    assert board.list_suspects() == []


def test_the_refusal_ends_and_is_twice_as_long_the_next_time() -> None:
    suspect = Suspect(POISON, deaths=2, since=1000.0, stamp=1)
    assert suspect.count_seconds_refused(1000.0 + SECONDS_OF_REFUSAL) == 0.0
    again = replace(suspect, deaths=3)
    assert again.count_seconds_refused(1000.0) == 2 * SECONDS_OF_REFUSAL
    assert replace(suspect, deaths=1).count_seconds_refused(1000.0) == 0.0
    assert replace(suspect, deaths=10_000).count_seconds_refused(1000.0) == 86_400.0


def test_the_list_has_an_end_and_drops_the_oldest() -> None:
    board = SuspectBoard(places=1, threads=1)
    for number in range(300):
        BodiesUnderWay(board, 0).enter(number.to_bytes(16))
        board.blame(0)
    digests = {suspect.key for suspect in board.list_suspects()}
    assert len(digests) == 256
    assert (299).to_bytes(16) in digests
    assert (0).to_bytes(16) not in digests
