from __future__ import annotations

import signal
from types import SimpleNamespace
from typing import Any

import pytest

from config.survival.attendance import Attendance
from config.survival.relief import Relief


class Master:
    """What relief needs of gunicorn's: workers by their numbers, and how many there should be."""

    def __init__(self) -> None:
        self.WORKERS: dict[int, Any] = {}
        self.num_workers = 2
        self.worker_age = 0
        self.ended: list[tuple[int, int]] = []

    def start(self, pid: int) -> None:
        self.worker_age += 1
        self.WORKERS[pid] = SimpleNamespace(age=self.worker_age, place=pid)

    def kill_worker(self, pid: int, number: int) -> None:
        self.ended.append((pid, number))


@pytest.fixture
def attendance() -> Attendance:
    return Attendance(places=10)


@pytest.fixture
def master(attendance: Attendance) -> Master:
    master = Master()
    for pid in (1, 2):
        master.start(pid)
        attendance.expect(pid)
        attendance.come(pid)
    return master


def test_nobody_is_replaced_who_does_not_ask(attendance: Attendance, master: Master) -> None:
    Relief(attendance).look(master)
    assert (master.num_workers, master.ended) == (2, [])


def test_the_tired_one_goes_when_the_next_one_has_come(attendance: Attendance, master: Master) -> None:
    relief = Relief(attendance)
    attendance.tire(1)
    relief.look(master)
    assert (master.num_workers, master.ended) == (3, [])
    master.start(3)
    attendance.expect(3)
    relief.look(master)
    assert master.ended == []
    attendance.come(3)
    relief.look(master)
    relief.look(master)
    # It is told in each round until it has gone.
    assert (master.num_workers, master.ended) == (3, [(1, signal.SIGTERM)] * 2)
    del master.WORKERS[1]
    relief.look(master)
    assert master.num_workers == 2


def test_one_at_a_time(attendance: Attendance, master: Master) -> None:
    relief = Relief(attendance)
    attendance.tire(1)
    attendance.tire(2)
    relief.look(master)
    relief.look(master)
    assert master.num_workers == 3


def test_a_tired_one_that_dies_meanwhile_is_not_replaced_twice(attendance: Attendance, master: Master) -> None:
    relief = Relief(attendance)
    attendance.tire(1)
    relief.look(master)
    del master.WORKERS[1]
    relief.look(master)
    assert (master.num_workers, master.ended) == (2, [])


def test_the_next_worker_at_a_place_is_not_tired(attendance: Attendance) -> None:
    attendance.tire(1)
    attendance.expect(1)
    assert not attendance.is_tired(1)
