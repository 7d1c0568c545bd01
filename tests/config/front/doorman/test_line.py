from __future__ import annotations

import math
import socket
from collections.abc import Iterator

import pytest

from config.front.doorman.heads import RequestStart
from config.front.doorman.line import Held, Line

START = RequestStart(is_health=False, request_id=None, timeout_ms=None, expected_bytes=0)


@pytest.fixture
def held() -> Iterator[list[Held]]:
    connections = [socket.socket() for _ in range(5)]
    yield [Held(connection, START, due=10.0 + number) for number, connection in enumerate(connections)]
    for connection in connections:
        connection.close()


def test_those_who_go_first_have_a_line_of_their_own(held: list[Held]) -> None:
    line = Line()
    for number, one in enumerate(held):
        line.admit(one, goes_first=number in (2, 4))
    assert (len(line), line.count_ahead(goes_first=True), line.count_ahead(goes_first=False)) == (5, 2, 5)
    assert list(line) == [held[2], held[4], held[0], held[1], held[3]]
    assert [line.leave() for _ in range(3)] == [held[2], held[4], held[0]]
    line.readmit(held[0])
    assert line.look() == held[0]
    assert list(line) == [held[0], held[1], held[3]]


def test_nobody_is_there(held: list[Held]) -> None:
    line = Line()
    assert line.look() is None
    line.admit(held[0], goes_first=False)
    line.leave()
    assert (len(line), line.look()) == (0, None)


def test_whose_time_is_over_waits_no_more(held: list[Held]) -> None:
    line = Line()
    for number, one in enumerate(held):
        line.admit(one, goes_first=number % 2 == 0)
    assert line.next_due == 10.0
    assert line.dismiss_late(12.0) == [held[0], held[2], held[1]]
    assert list(line) == [held[4], held[3]]
    assert line.next_due == 13.0
    line.dismiss_late(20.0)
    assert line.next_due == math.inf
