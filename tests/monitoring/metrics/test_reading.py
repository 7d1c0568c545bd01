from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.monitoring.metrics.reading import BoundedReading, Known, NotInTime, RareReading, ReadingFailed
from tests.server import wait_until


class Slow:
    """Something to read that hangs until it is let go on."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = threading.Event()

    def read(self) -> int:
        self.begun += 1
        self.go_on.wait(60)
        return self.begun


def test_every_reading_is_a_new_one() -> None:
    values = iter([1, 2])
    reading = BoundedReading(lambda: next(values))
    assert [reading.read(), reading.read()] == [1, 2]
    assert reading.recall(60) is not None


def test_what_hangs_is_waited_for_a_little_and_begun_once() -> None:
    slow = Slow()
    reading = BoundedReading(slow.read, most_wait_seconds=0.01)
    for _ in range(3):
        with pytest.raises(NotInTime):
            reading.read()
    assert slow.begun == 1
    assert reading.recall(60) is None
    slow.go_on.set()
    wait_until(lambda: reading.recall(60) is not None, seconds=10)
    assert reading.read() == 2


def test_who_asks_while_somebody_waits_gets_the_same_value() -> None:
    slow = Slow()
    reading = BoundedReading(slow.read, most_wait_seconds=10)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(reading.read) for _ in range(4)]
        wait_until(lambda: slow.begun == 1, seconds=10)
        slow.go_on.set()
        assert {one.result() for one in asked} <= {1, 2, 3, 4}
    assert slow.begun < 5


def test_a_fault_is_raised_and_the_value_before_it_is_recalled_for_a_while() -> None:
    now, values = 0.0, iter([1])
    reading = BoundedReading(lambda: next(values), clock=lambda: now)
    reading.read()
    for _ in range(2):
        with pytest.raises(StopIteration):
            reading.read()
    now = 59.9
    assert reading.recall(60) == Known(1, 0.0)
    now = 60.0
    assert reading.recall(60) is None


def test_what_is_read_rarely_is_read_again_when_it_is_not_fresh_any_more() -> None:
    now, values = 0.0, iter([None, 2])
    reading = RareReading(lambda: next(values), fresh_seconds=5, clock=lambda: now)
    assert (reading.get(), reading.get()) == (None, None)
    now = 4.9
    assert reading.get() is None
    now = 5.0
    assert (reading.get(), reading.get()) == (2, 2)


def test_what_cannot_be_read_any_more_is_given_until_it_is_too_old() -> None:
    now, values = 0.0, iter([1])
    reading = RareReading(lambda: next(values), fresh_seconds=5, too_old_seconds=60, clock=lambda: now)
    assert reading.get() == 1
    now = 59.9
    assert reading.get() == 1
    now = 60.0
    with pytest.raises(ReadingFailed):
        reading.get()


def test_a_reading_that_never_ends_keeps_no_process_from_ending() -> None:
    reading = BoundedReading(Slow().read, most_wait_seconds=0.01)
    with pytest.raises(NotInTime):
        reading.read()
    (thread,) = [one for one in threading.enumerate() if one.name == "reading-for-metrics"]
    assert thread.daemon
