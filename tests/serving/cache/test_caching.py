"""What is computed, what is remembered, and that an answer is the same from either."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from app.errors import DeadlineExceeded, PredictionFailed
from app.runtime.deadline import Deadline, answering_by
from app.runtime.predictions import Predictions
from app.serving.cache.bypass import answering_anew
from app.serving.cache.counts import CacheCounts
from app.serving.cache.memory import RowMemory
from tests.server import wait_until
from tests.serving.cache.builders import CountingExecutor, make_caching


def sum_up(counts: CacheCounts) -> dict[str, int]:
    return {name: getattr(counts, name) for name in CacheCounts.NAMES if getattr(counts, name)}


def test_of_many_rows_only_those_that_are_not_known_are_computed() -> None:
    executor, counts = CountingExecutor(), CacheCounts()
    caching = make_caching(executor, counts=counts)
    caching.predict([(1,), (2,)])
    answers = caching.predict([(3,), (1,), (4,), (2,)])
    assert executor.passes == [[(1,), (2,)], [(3,), (4,)]]
    assert answers == replace(CountingExecutor().predict([(3,), (1,), (4,), (2,)]), cached_rows=2)
    assert sum_up(counts) == {"hits": 2, "misses": 4}


def test_the_same_row_twice_in_a_request_is_computed_once() -> None:
    executor, counts = CountingExecutor(), CacheCounts()
    answers = make_caching(executor, counts=counts).predict([(1,), (1,), (2,), (1,)])
    assert executor.passes == [[(1,), (2,)]]
    assert answers == replace(CountingExecutor().predict([(1,), (1,), (2,), (1,)]), cached_rows=2)
    assert sum_up(counts) == {"misses": 2, "joined": 2}


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (0.0, -0.0), (None, "null"), (1, "1"), (False, None)])
def test_values_that_python_or_people_take_for_equal_have_answers_of_their_own(one: object, other: object) -> None:
    executor = CountingExecutor()
    caching = make_caching(executor)
    assert [caching.predict([(value,)]).labels for value in (one, other)] == [[repr((one,))], [repr((other,))]]  # type: ignore[list-item]


def test_versions_do_not_answer_for_each_other() -> None:
    executor, memory = CountingExecutor(), RowMemory(most_bytes=1_000_000)
    for version in ("1", "2"):
        make_caching(executor, version=version, memory=memory).predict([(1,)])
    assert len(executor.passes) == 2


def test_a_row_without_a_canonical_form_is_computed_each_time() -> None:
    executor, counts = CountingExecutor(), CacheCounts()
    caching = make_caching(executor, counts=counts)
    for _ in range(2):
        assert caching.predict([(2**70,)]) == CountingExecutor().predict([(2**70,)])
    assert len(executor.passes) == 2
    assert sum_up(counts) == {"unasked": 2}


def test_who_wants_new_answers_gets_them_from_the_model() -> None:
    executor, counts = CountingExecutor(), CacheCounts()
    caching = make_caching(executor, counts=counts)
    caching.predict([(1,)])
    with answering_anew(True):
        assert caching.predict([(1,)]).cached_rows == 0
    assert len(executor.passes) == 2
    assert sum_up(counts) == {"misses": 1, "bypassed": 1}


def test_what_fails_is_not_remembered() -> None:
    executor = CountingExecutor(fault=PredictionFailed("broken"))
    caching = make_caching(executor)
    with pytest.raises(PredictionFailed):
        caching.predict([(1,)])
    executor.fault = None
    assert caching.predict([(1,)]).labels == ["(1,)"]


def test_a_closed_one_uses_nothing_and_keeps_nothing_not_even_what_was_under_way() -> None:
    executor, memory = CountingExecutor(gate=threading.Event()), RowMemory(most_bytes=1_000_000)
    caching = make_caching(executor, memory=memory)
    with ThreadPoolExecutor(1) as threads:
        under_way = threads.submit(caching.predict, [(1,)])
        wait_until(lambda: bool(executor.passes), seconds=5)
        caching.close()
        assert executor.gate is not None
        executor.gate.set()
        assert under_way.result().labels == ["(1,)"]
    assert len(memory) == 0
    assert caching.predict([(1,)]).cached_rows == 0


def begin_together(executor: CountingExecutor, count: int) -> tuple[ThreadPoolExecutor, list[Future[Predictions]]]:
    """Ask for the same row so many times while the first is at the model."""
    caching = make_caching(executor)
    threads = ThreadPoolExecutor(count)
    asked = [threads.submit(caching.predict, [(1,)])]
    wait_until(lambda: bool(executor.passes), seconds=5)
    asked += [threads.submit(caching.predict, [(1,), (position,)]) for position in range(2, count + 1)]
    wait_until(lambda: len(executor.passes) == count, seconds=5)
    return threads, asked


def test_a_row_that_is_being_computed_is_waited_for() -> None:
    executor = CountingExecutor(gate=threading.Event())
    threads, asked = begin_together(executor, 16)
    assert executor.gate is not None
    executor.gate.set()
    labels = [future.result(timeout=10).labels for future in asked]
    threads.shutdown()
    assert labels == [["(1,)"], *(["(1,)", f"({position},)"] for position in range(2, 17))]
    assert sorted(row for one_pass in executor.passes for row in one_pass) == [(position,) for position in range(1, 17)]


def test_who_waits_for_a_row_that_fails_computes_it() -> None:
    executor = CountingExecutor(gate=threading.Event(), fault=PredictionFailed("broken"))
    threads, asked = begin_together(executor, 3)
    executor.fault, gate = None, executor.gate
    assert gate is not None
    gate.set()
    assert [future.result(timeout=10).labels[0] for future in asked] == ["(1,)"] * 3
    threads.shutdown()


def test_who_is_due_does_not_wait_for_another() -> None:
    executor = CountingExecutor(gate=threading.Event())
    caching = make_caching(executor)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(caching.predict, [(1,)])
        wait_until(lambda: bool(executor.passes), seconds=5)
        with answering_by(Deadline.after(0.05)), pytest.raises(DeadlineExceeded):
            caching.predict([(1,)])
        assert executor.gate is not None
        executor.gate.set()


def test_under_many_threads_every_answer_is_that_of_its_row() -> None:
    executor, memory = CountingExecutor(), RowMemory(most_bytes=20_000)
    caching = make_caching(executor, memory=memory)

    def ask(start: int) -> bool:
        rows = [((start * 7 + offset) % 90,) for offset in range(20)]
        time.sleep(0)
        return caching.predict(rows).labels == [repr(row) for row in rows]

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(400)))
    assert memory.used_bytes <= memory.most_bytes
