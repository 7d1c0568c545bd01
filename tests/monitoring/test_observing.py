"""The queue between requests and what is written and counted of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from app.monitoring.observation import RequestObserved
from app.monitoring.observing import ObservationQueue
from tests.monitoring.builders import Kept, make_answer, make_event
from tests.server import wait_until


class Broken(Kept):
    def consume(self, events: Sequence[RequestObserved], *, lost: int) -> None:
        raise OSError(f"no space left for {len(events)} and {lost}")


def test_every_consumer_gets_every_event_in_order() -> None:
    kept, other = Kept(), Kept()
    queue = ObservationQueue([kept, other])
    queue.start()
    for number in range(1000):
        queue.observe(make_event(request_id=str(number)))
    wait_until(lambda: len(kept.events) == 1000, seconds=10)
    queue.close()
    assert [event.request_id for event in kept.events] == [str(number) for number in range(1000)]
    assert other.events == kept.events
    assert (kept.is_closed, other.is_closed) == (True, True)


def test_what_was_observed_is_consumed_before_the_end() -> None:
    kept = Kept()
    queue = ObservationQueue([kept], seconds_between_rounds=60)
    queue.start()
    queue.observe(make_event())
    queue.close()
    assert len(kept.events) == 1


def test_what_does_not_fit_is_counted_exactly_by_all_threads() -> None:
    kept = Kept()
    queue = ObservationQueue([kept], most_waiting=10)

    def observe_many() -> None:
        for _ in range(500):
            queue.observe(make_event())

    threads = [threading.Thread(target=observe_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    queue.drain()
    queue.drain()
    assert len(kept.events) + kept.lost == 2000
    assert kept.lost > 1900


def test_large_requests_wait_up_to_a_number_of_rows() -> None:
    kept = Kept()
    queue = ObservationQueue([kept], most_rows_waiting=100)
    for _ in range(2):
        for rows in (60, 60, 60):
            queue.observe(make_event(make_answer(rows=rows)))
        queue.observe(make_event())
        queue.drain()
    assert (len(kept.events), kept.lost) == (4, 4)


def test_a_consumer_that_fails_takes_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    kept = Kept()
    queue = ObservationQueue([Broken(), kept])
    for _ in range(3):
        queue.observe(make_event())
        queue.drain()
    assert (len(kept.events), queue.failures) == (3, 3)
    assert [record.message for record in caplog.records] == [
        "Broken failed on what was observed; more failures of this kind are counted only"
    ]
