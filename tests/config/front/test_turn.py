from __future__ import annotations

import threading

from config.front.turn import Turn
from tests.server import wait_until

PATIENT, IMPATIENT = 60.0, 0.01


class Worker:
    """A thread that takes a turn, and says whether it got it."""

    def __init__(self, turn: Turn, asides: list[int]) -> None:
        self.got = False
        self._turn = turn
        self._asides = asides
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def join(self) -> bool:
        self._thread.join(PATIENT)
        return self.got

    def _work(self) -> None:
        self._turn.take()
        self.got = holds(self._turn, self._asides)
        self._turn.leave()


def holds(turn: Turn, asides: list[int]) -> bool:
    """Whether this thread does: only then is it told when it steps aside."""
    asides.clear()
    with turn.aside():
        return len(asides) > 0


def make_turn(seconds_of_patience: float) -> tuple[Turn, list[int]]:
    asides = list[int]()
    return Turn(lambda: asides.append(1), seconds_of_patience=seconds_of_patience), asides


def test_who_waits_gets_it_when_it_is_left() -> None:
    turn, asides = make_turn(PATIENT)
    turn.take()
    assert not turn.is_wanted()
    worker = Worker(turn, asides)
    wait_until(turn.is_wanted, seconds=PATIENT)
    assert not worker.got
    turn.leave()
    assert worker.join()
    assert not turn.is_wanted()


def test_who_waits_for_too_long_goes_on_without_and_leaves_nothing() -> None:
    turn, asides = make_turn(IMPATIENT)
    turn.take()
    assert not Worker(turn, asides).join()
    assert holds(turn, asides)


def test_who_steps_aside_lets_another_one_go_on_and_takes_it_again() -> None:
    turn, asides = make_turn(PATIENT)
    turn.take()
    with turn.aside():
        assert Worker(turn, asides).join()
    assert holds(turn, asides)
    turn.leave()
    assert not holds(turn, asides)


def test_it_counts_as_taken_from_the_promise_on_but_not_for_long() -> None:
    now = 100.0
    turn = Turn(seconds_of_patience=1.0, clock=lambda: now)
    assert not turn.is_taken()
    turn.promise()
    assert turn.is_taken()
    turn.take()
    now = 100.9
    assert turn.is_taken()
    now = 101.1
    assert not turn.is_taken()
    turn.leave()
    turn.promise()
    now = 102.2
    assert not turn.is_taken()
