"""Overlapping requests share a pass, each gets its own answers, and nobody waits for what never comes."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import DeadlineExceeded, PredictionFailed
from app.runtime.batching import BatchingExecutor, _Returns
from app.runtime.cost_curve import CostCurve
from app.runtime.deadline import Deadline, answering_by
from app.runtime.predictions import Predictions
from app.runtime.rows import TypedRow
from tests.server import wait_until

PATIENCE = 20


class GatedExecutor:
    """Doubles numbers. A pass can be held up at a gate, and a row can be made to raise."""

    def __init__(self, *, faults: dict[Any, BaseException] | None = None) -> None:
        self.passes: list[list[TypedRow]] = []
        self.gate = threading.Event()
        self.gate.set()
        self._faults = faults or {}

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        self.passes.append(list(rows))
        assert self.gate.wait(PATIENCE)
        for (value,) in rows:
            if value in self._faults:
                raise self._faults[value]
        return answer(rows)


class ShortExecutor(GatedExecutor):
    """Loses the last row of every pass with more than `keeps` rows."""

    def __init__(self, *, keeps: int) -> None:
        super().__init__()
        self._keeps = keeps

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        super().predict(rows)
        return answer(rows[: max(self._keeps, len(rows) - 1)] if len(rows) > self._keeps else rows)


def answer(rows: Sequence[TypedRow]) -> Predictions:
    return Predictions([double(row) for row in rows], [{"yes": double(row) / 10} for row in rows])


def double(row: TypedRow) -> float:
    (value,) = row
    assert isinstance(value, int)
    return value * 2


class SteadyCost(CostCurve):
    """Stays as it is, so that tests may count the rows of a pass."""

    def learn(self, *, rows: int, seconds: float) -> None: ...


def batch(executor: GatedExecutor, *, most_rows: int = 600, fixed_seconds: float = 1e-6) -> BatchingExecutor:
    """With the default cost of a pass no window is worth waiting for."""
    cost = SteadyCost(fixed_seconds=fixed_seconds, seconds_per_row=3 * fixed_seconds / most_rows)
    return BatchingExecutor(executor, cost)


class Callers:
    """Threads that ask one batcher at the same time."""

    def __init__(self, batcher: BatchingExecutor, pool: ThreadPoolExecutor) -> None:
        self._batcher = batcher
        self._pool = pool
        self.asked = 0

    def ask(self, *values: int) -> Future[Predictions]:
        """Ask in a thread, and return when the batcher has the request."""
        self.asked += 1
        waiting = len(self._batcher._waiting)
        future = self._pool.submit(self._batcher.predict, [(value,) for value in values])
        wait_until(lambda: len(self._batcher._waiting) > waiting or future.done(), seconds=PATIENCE)
        return future


@pytest.fixture
def pool() -> Any:
    with ThreadPoolExecutor(40) as threads:
        yield threads


def hold_one_pass(executor: GatedExecutor, callers: Callers) -> Future[Predictions]:
    """A request that is being predicted until the gate opens."""
    executor.gate.clear()
    first = callers.ask(0)
    wait_until(lambda: len(executor.passes) == 1, seconds=PATIENCE)
    return first


def test_a_request_alone_is_predicted_at_once_and_unchanged() -> None:
    executor = GatedExecutor()
    batcher = batch(executor)
    assert batcher.predict([(1,), (2,)]) == answer([(1,), (2,)])
    assert executor.passes == [[(1,), (2,)]]
    assert (batcher.passes, batcher.joined_passes, batcher.rows, batcher.waits) == (1, 0, 2, 0)


def test_requests_one_after_the_other_never_wait() -> None:
    batcher = batch(GatedExecutor(), fixed_seconds=60)
    for value in range(50):
        assert batcher.predict([(value,)]) == answer([(value,)])
    assert (batcher.passes, batcher.joined_passes, batcher.waits) == (50, 0, 0)


def test_what_arrives_during_a_pass_shares_the_next_and_each_gets_its_own(pool: ThreadPoolExecutor) -> None:
    executor = GatedExecutor()
    batcher = batch(executor)
    callers = Callers(batcher, pool)
    first = hold_one_pass(executor, callers)
    others = [callers.ask(*range(start, start + count)) for start, count in ((10, 1), (20, 3), (30, 2))]
    executor.gate.set()
    assert first.result(PATIENCE) == answer([(0,)])
    assert [other.result(PATIENCE) for other in others] == [
        answer([(10,)]),
        answer([(20,), (21,), (22,)]),
        answer([(30,), (31,)]),
    ]
    assert executor.passes == [[(0,)], [(10,), (20,), (21,), (22,), (30,), (31,)]]
    assert (batcher.passes, batcher.joined_passes, batcher.rows, batcher.joined_rows) == (2, 1, 7, 6)


def test_a_bad_row_fails_its_own_request_only(pool: ThreadPoolExecutor) -> None:
    executor = GatedExecutor(faults={666: PredictionFailed("The model could not predict these rows.")})
    batcher = batch(executor)
    callers = Callers(batcher, pool)
    hold_one_pass(executor, callers)
    before, bad, after = callers.ask(1), callers.ask(2, 666), callers.ask(3)
    executor.gate.set()
    with pytest.raises(PredictionFailed, match="could not predict"):
        bad.result(PATIENCE)
    assert (before.result(PATIENCE), after.result(PATIENCE)) == (answer([(1,)]), answer([(3,)]))
    assert executor.passes[2:] == [[(1,)], [(2,), (666,)], [(3,)]]
    assert batcher.failed_passes == 1


def test_an_answer_of_another_length_reaches_nobody(pool: ThreadPoolExecutor) -> None:
    executor = ShortExecutor(keeps=1)
    batcher = batch(executor)
    callers = Callers(batcher, pool)
    hold_one_pass(executor, callers)
    single, pair = callers.ask(1), callers.ask(2, 3)
    executor.gate.set()
    assert single.result(PATIENCE) == answer([(1,)])
    with pytest.raises(PredictionFailed, match="another number of rows"):
        pair.result(PATIENCE)


@pytest.mark.parametrize("end", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_a_leader_that_is_ended_hands_over(pool: ThreadPoolExecutor, end: BaseException) -> None:
    executor = GatedExecutor(faults={0: end})
    callers = Callers(batch(executor), pool)
    leader = hold_one_pass(executor, callers)
    others = [callers.ask(1), callers.ask(2)]
    executor.gate.set()
    with pytest.raises(type(end)):
        leader.result(PATIENCE)
    assert [other.result(PATIENCE) for other in others] == [answer([(1,)]), answer([(2,)])]


def test_companions_of_an_ended_leader_are_predicted_by_the_next(pool: ThreadPoolExecutor) -> None:
    faults: dict[Any, BaseException] = {1: SystemExit(1)}
    executor = GatedExecutor(faults=faults)
    callers = Callers(batch(executor), pool)
    hold_one_pass(executor, callers)
    leader, others = callers.ask(1), [callers.ask(2), callers.ask(3)]
    executor.gate.set()
    with pytest.raises(SystemExit):
        leader.result(PATIENCE)
    assert [other.result(PATIENCE) for other in others] == [answer([(2,)]), answer([(3,)])]
    assert executor.passes[1:] == [[(1,), (2,), (3,)], [(2,), (3,)]]


def test_a_thread_ended_from_outside_leaves_the_others_answered() -> None:
    """Raises SystemExit at random moments in threads of a busy batcher, as the end of a process may."""
    executor = GatedExecutor()
    batcher = batch(executor, fixed_seconds=1e-3)
    stop = time.monotonic() + 2
    answered: list[int] = []

    def call() -> None:
        with suppress(SystemExit):
            while time.monotonic() < stop:
                assert batcher.predict([(7,)]) == answer([(7,)])
                answered.append(1)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads[:4]:
        time.sleep(0.05)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    assert len(answered) > 100
    assert (batcher._leader, batcher._waiting) == (None, [])


def test_a_large_request_lets_single_rows_ride_along(pool: ThreadPoolExecutor) -> None:
    executor = GatedExecutor()
    callers = Callers(batch(executor, most_rows=10), pool)
    hold_one_pass(executor, callers)
    large, single = callers.ask(*range(100, 125)), callers.ask(1)
    executor.gate.set()
    assert single.result(PATIENCE) == answer([(1,)])
    assert large.result(PATIENCE) == answer([(value,) for value in range(100, 125)])
    assert [len(rows) for rows in executor.passes] == [1, 10, 10, 6]
    assert (1,) in executor.passes[1]


def test_a_large_request_alone_goes_in_bounded_passes() -> None:
    executor = GatedExecutor()
    assert batch(executor, most_rows=10).predict([(value,) for value in range(25)]).labels == list(range(0, 50, 2))
    assert [len(rows) for rows in executor.passes] == [10, 10, 5]


def test_requests_beyond_the_limit_keep_the_order_of_arrival(pool: ThreadPoolExecutor) -> None:
    executor = GatedExecutor()
    callers = Callers(batch(executor, most_rows=2), pool)
    hold_one_pass(executor, callers)
    others = [callers.ask(value) for value in (1, 2, 3, 4, 5)]
    executor.gate.set()
    assert [other.result(PATIENCE).labels for other in others] == [[2], [4], [6], [8], [10]]
    assert executor.passes == [[(0,)], [(1,), (2,)], [(3,), (4,)], [(5,)]]


class SleepingExecutor(GatedExecutor):
    """A pass takes `seconds` whatever it holds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        time.sleep(self.seconds)
        return super().predict(rows)


def run_callers(count: int, think: Callable[[], None], *, requests: int) -> BatchingExecutor:
    """Callers that send their next request as soon as they have thought about the last answer."""
    batcher = batch(SleepingExecutor(0.05), fixed_seconds=0.05)

    def call() -> None:
        for _ in range(requests):
            batcher.predict([(1,)])
            think()

    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return batcher


def test_callers_that_come_back_at_once_are_waited_for() -> None:
    batcher = run_callers(8, lambda: None, requests=20)
    assert batcher.rows == 160
    assert batcher.waits > 10
    # Without waiting two groups alternate: 40 passes.
    assert batcher.passes < 30


def test_callers_that_stay_away_are_not_waited_for() -> None:
    batcher = run_callers(3, lambda: time.sleep(0.15), requests=10)
    # Now and then three happen to come close together.
    assert batcher.waits < batcher.passes / 3


class ScriptedReturns:
    """Passes of which all callers come back after a time that the test says, in units of the fixed cost of a pass."""

    def __init__(self) -> None:
        self._now = 0.0
        self.returns = _Returns(SteadyCost(fixed_seconds=1.0, seconds_per_row=0.01), lambda: self._now)

    def run_pass(self, *, callers: int, back_after: float) -> None:
        self.returns.note_end(answered=callers)
        self._now += back_after
        for _ in range(callers):
            self.returns.note_arrival()
        self._now += 1.0

    def seconds_to_wait_after_a_pass(self, *, callers: int) -> float:
        self.returns.note_end(answered=callers)
        return self.returns.seconds_to_wait()


@pytest.mark.parametrize(("callers", "longest_wait"), [(1, 0.0), (9, 0.0), (16, 0.55 * 1.5), (100, 0.55 * 1.2)])
def test_many_callers_are_waited_for_where_few_might_come_close_by_chance(callers: int, longest_wait: float) -> None:
    scripted = ScriptedReturns()
    for _ in range(10):
        scripted.run_pass(callers=callers, back_after=0.55)
    assert scripted.seconds_to_wait_after_a_pass(callers=callers) == pytest.approx(longest_wait)


def test_one_late_return_does_not_end_the_waiting() -> None:
    scripted = ScriptedReturns()
    for back_after in (*[0.3] * 10, 5.0):
        scripted.run_pass(callers=16, back_after=back_after)
    assert scripted.seconds_to_wait_after_a_pass(callers=16) == pytest.approx(0.3 * 1.25 * 1.5)
    for _ in range(5):
        scripted.run_pass(callers=16, back_after=5.0)
    assert scripted.seconds_to_wait_after_a_pass(callers=16) == 0


@settings(max_examples=30)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=12),
    most_rows=st.integers(1, 40),
    bad=st.sets(st.integers(0, 11)),
)
def test_whatever_is_asked_everybody_gets_exactly_the_own_answers(
    sizes: list[int], most_rows: int, bad: set[int]
) -> None:
    faults: dict[Any, BaseException] = {1000 * caller: PredictionFailed("bad row") for caller in bad}
    batcher = batch(GatedExecutor(faults=faults), most_rows=most_rows)
    requests = [[(1000 * caller + row,) for row in range(size)] for caller, size in enumerate(sizes)]
    with ThreadPoolExecutor(len(sizes)) as threads:
        futures = [threads.submit(batcher.predict, request) for request in requests]
        for caller, (future, request) in enumerate(zip(futures, requests, strict=True)):
            if caller in bad:
                assert isinstance(future.exception(PATIENCE), PredictionFailed)
            else:
                assert future.result(PATIENCE) == answer(request)
    assert (batcher._leader, batcher._waiting) == (None, [])


def test_a_request_that_is_due_while_it_waits_is_given_up_and_never_predicted(pool: ThreadPoolExecutor) -> None:
    executor = GatedExecutor()
    batcher = batch(executor)
    callers = Callers(batcher, pool)
    first = hold_one_pass(executor, callers)
    with answering_by(Deadline.after(0.05)), pytest.raises(DeadlineExceeded):
        batcher.predict([(7,)])
    last = callers.ask(1)
    executor.gate.set()
    assert (first.result(PATIENCE), last.result(PATIENCE)) == (answer([(0,)]), answer([(1,)]))
    assert executor.passes == [[(0,)], [(1,)]]
