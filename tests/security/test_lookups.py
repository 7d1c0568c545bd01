"""Questions to the database of credentials: what one asker learns of an outage, every other knows."""

from __future__ import annotations

import threading
import time

import pytest

from app.errors import KeysUnavailable
from app.security.lookups import SECONDS_BETWEEN_PROBES, Lookups, keys_unavailable
from tests.security.builders import Clock


def fail() -> str:
    raise keys_unavailable()


def is_asked(lookups: Lookups) -> bool:
    asked = []
    try:
        lookups.ask(lambda: asked.append(True), patient=True)
    except KeysUnavailable:
        return False
    return bool(asked)


def test_an_answer_comes_back() -> None:
    lookups = Lookups()

    assert lookups.ask(lambda: "found", patient=True) == "found"
    assert lookups.outages == 0


def test_after_a_failure_one_question_a_second_gets_through_whoever_asks() -> None:
    clock = Clock()
    lookups = Lookups(clock=clock)
    with pytest.raises(KeysUnavailable):
        lookups.ask(fail, patient=True)

    assert not is_asked(lookups)
    clock.seconds += SECONDS_BETWEEN_PROBES
    with pytest.raises(KeysUnavailable):
        lookups.ask(fail, patient=True)
    assert not is_asked(lookups)
    clock.seconds += SECONDS_BETWEEN_PROBES
    assert is_asked(lookups)
    assert is_asked(lookups)
    assert lookups.outages == 1


def test_during_an_outage_who_has_something_to_fall_back_to_waits_hardly_at_all() -> None:
    clock, answer = Clock(), threading.Event()
    lookups = Lookups(clock=clock)
    with pytest.raises(KeysUnavailable):
        lookups.ask(fail, patient=True)
    clock.seconds += SECONDS_BETWEEN_PROBES

    started = time.monotonic()
    with pytest.raises(KeysUnavailable):
        lookups.ask(answer.wait, patient=False)
    answer.set()

    assert time.monotonic() - started < 1
