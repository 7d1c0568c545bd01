"""Joins the overlapping requests of one process into passes of one executor. No thread, no timer of its own."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from app.errors import PredictionFailed
from app.runtime.cost_curve import CostCurve
from app.runtime.deadline import Deadline, current_deadline
from app.runtime.predictions import Executor, Predictions
from app.runtime.rows import TypedRow
from app.turns import TURNS

# The rows of a pass may take this many times its fixed cost: whoever waits for a running pass waits for at most 4 a,
# and cutting a large request into such passes makes it at most a third slower than one pass would be.
_MOST_ROW_COST = 3.0
# Waiting must promise to save twice what it takes. In a simulation with independent callers, waiting up to a made p99 a
# third longer; with this it stays as it was, and callers that return within a tenth of a still get 60 % more through.
_LONGEST_RETURN = 0.5
_RETURN_WEIGHT = 0.25
# The time that m independent callers need to come scatters by 1 / sqrt(m) of itself: both in units of that. With these
# the same simulation shows no longer p99, and 16 callers that return within 0.6 a get 15 % more through.
_MARGIN = 1.5
_PATIENCE = 2.0
# A caller that is late once, or whose request had to wait for the interpreter, does not end the waiting for all.
_LARGEST_SURPRISE = 2.0
# Less than the others have patience for. With eight callers and passes of half a millisecond, one after the other are
# answered 5 % faster than joined; of passes that take tens of milliseconds, joined ones are the faster by far.
_SHORT_SECONDS = 0.003


class _Request:
    """The rows of one caller, what they were answered so far, and what wakes the caller's thread."""

    def __init__(self, rows: Sequence[TypedRow]) -> None:
        self.rows = rows
        self.answered = 0
        self.answers: list[Predictions] = []
        self.fault: Exception | None = None
        self.woken = threading.Event()

    @property
    def is_settled(self) -> bool:
        return self.fault is not None or self.answered == len(self.rows)

    def accept(self, answers: Predictions) -> None:
        self.answers.append(answers)
        self.answered += len(answers.labels)

    def result(self) -> Predictions:
        if self.fault is not None:
            raise self.fault
        return _concatenate(self.answers)


@dataclass(frozen=True)
class _Part:
    """Rows of one request that go into one pass."""

    request: _Request
    rows: Sequence[TypedRow]


class BatchingExecutor:
    """Predicts with one pass at a time and joins what arrives meanwhile into the next.

    The thread of the first request leads: it predicts at once, and when its own request is answered it hands over to
    the longest waiting one, which takes all that wait. Threads that do not lead sleep. Nothing runs in the background.

    Waiting for stragglers. A pass costs t(n) = a + b n. When it ends, its m callers have their answers and may come
    back after some milliseconds (backends that send one request after the other do), just too late for the next pass.
    Then two groups alternate and each caller waits for two passes. Waiting until all m are back takes D and saves one
    pass of a for the whole group: with c callers a round takes D + a + b c in place of 2 a + b c, so it pays when
    D < a, whatever c is. Callers that come independently of the answers need about a whole pass to become m, so D > a
    and waiting would only add to their time. D is therefore measured all the time, also while nobody waits (a moving
    average of the time from the end of a pass until as many requests came as it answered), and the next pass waits only
    if D is clearly below a: below a / 2, or for large m, whose returns scatter less, below a (1 - 1.5 / sqrt(m)). It
    waits until D (1 + 2 / sqrt(m)) after the end of the last, at most 2 D: never longer than what a right guess saves.
    A lone request never waits: nothing ran when it came and nothing is expected back.

    Fairness. A pass holds at most 3 a / b rows. Each waiting request gets an equal share of them, and what small ones
    leave goes to larger ones; beyond one row each, the order is that of arrival. A request of 10,000 rows thus goes in
    several passes, and single rows that come meanwhile ride along in the next.

    Attributes:
        passes: Calls of the executor, repetitions of single requests after a failed pass not counted.
        joined_passes: Those that held rows of more than one request.
        rows: Rows in all passes.
        joined_rows: Rows in joined passes.
        failed_passes: Joined passes that failed and were repeated request by request.
        waits: Passes that waited for stragglers.
    """

    def __init__(self, executor: Executor, cost: CostCurve) -> None:
        self.passes = self.joined_passes = self.rows = self.joined_rows = self.failed_passes = self.waits = 0
        self.cost = cost
        self._executor = executor
        self._lock = threading.Lock()
        self._waiting: list[_Request] = []
        self._leader: _Request | None = None
        self._returns = _Returns(cost)

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        """Predict rows, together with those of other threads where they overlap.

        Raises:
            Exception: what the executor raises for these rows alone.
            PredictionFailed: when it returns another number of rows than it was given.
            DeadlineExceeded: when the request is due before it was the turn of all of its rows.
        """
        request, deadline = _Request(rows), current_deadline()
        with TURNS.aside() if self._will_wait(len(rows)) else nullcontext():
            try:
                self._enter(request)
                while not request.is_settled:
                    self._await_turn(request, deadline)
            finally:
                self._leave(request)
        return request.result()

    def _will_wait(self, rows: int) -> bool:
        """Whether others should go on meanwhile: for a short pass alone they would only be in each other's way."""
        return self._leader is not None or self.cost.estimate_seconds(rows) > _SHORT_SECONDS

    def _await_turn(self, request: _Request, deadline: Deadline) -> None:
        is_leader = request.woken.wait(deadline.seconds_left())
        if not request.is_settled:
            deadline.require_time()
            if is_leader:
                self._lead_one_pass()

    def _enter(self, request: _Request) -> None:
        with self._lock:
            self._waiting.append(request)
            self._returns.note_arrival()
            if self._leader is None:
                self._appoint(request)

    def _leave(self, request: _Request) -> None:
        """Also when the thread is being ended: whoever waits must get another leader."""
        with self._lock:
            if request in self._waiting:
                self._waiting.remove(request)
            if self._leader is request:
                self._leader = None
                if self._waiting:
                    self._appoint(self._waiting[0])

    def _appoint(self, request: _Request) -> None:
        self._leader = request
        request.woken.set()

    def _lead_one_pass(self) -> None:
        with self._lock:
            seconds = self._returns.seconds_to_wait()
            self.waits += seconds > 0
        if seconds > 0:
            self._returns.all_back.wait(seconds)
        with self._lock:
            parts = _share_pass(self._waiting, most_rows=self._most_rows())
        try:
            self._predict_parts(parts)
        finally:
            self._settle(parts)

    def _most_rows(self) -> int:
        return max(1, int(_MOST_ROW_COST * self.cost.fixed_seconds / self.cost.seconds_per_row))

    def _predict_parts(self, parts: Sequence[_Part]) -> None:
        try:
            answers = self._time_pass([row for part in parts for row in part.rows], joined=len(parts) > 1)
        except Exception as fault:
            if len(parts) == 1:
                parts[0].request.fault = fault
            else:
                self.failed_passes += 1
                self._predict_each_alone(parts)
        else:
            _distribute(answers, parts)

    def _time_pass(self, rows: Sequence[TypedRow], *, joined: bool) -> Predictions:
        self.passes += 1
        self.rows += len(rows)
        self.joined_passes += joined
        self.joined_rows += len(rows) * joined
        started = time.perf_counter()
        answers = self._predict_checked(rows)
        self.cost.learn(rows=len(rows), seconds=time.perf_counter() - started)
        return answers

    def _predict_each_alone(self, parts: Sequence[_Part]) -> None:
        """One bad row fails its own request only."""
        for part in parts:
            try:
                part.request.accept(self._predict_checked(part.rows))
            except Exception as fault:
                part.request.fault = fault

    def _predict_checked(self, rows: Sequence[TypedRow]) -> Predictions:
        answers = self._executor.predict(rows)
        probabilities = rows if answers.probabilities is None else answers.probabilities
        if not len(answers.labels) == len(probabilities) == len(rows):
            raise PredictionFailed("The model returned another number of rows than it was given.")
        return answers

    def _settle(self, parts: Sequence[_Part]) -> None:
        """Wake whoever has all answers. Requests that a dying leader left without keep their place."""
        with self._lock:
            settled = [part.request for part in parts if part.request.is_settled]
            self._waiting = [request for request in self._waiting if not request.is_settled]
            self._returns.note_end(answered=len(settled))
        for request in settled:
            request.woken.set()


class _Returns:
    """How soon after a pass as many requests come as it answered. Not thread-safe: its owner locks."""

    def __init__(self, cost: CostCurve, clock: Callable[[], float] = time.perf_counter) -> None:
        self.all_back = threading.Event()
        self._cost = cost
        self._clock = clock
        self._expected = 0
        self._scatter = 1.0
        self._ended = 0.0
        self._average: float | None = None

    def note_arrival(self) -> None:
        if self._expected:
            self._expected -= 1
            if not self._expected:
                self._average_in(self._clock() - self._ended)
                self.all_back.set()

    def note_end(self, *, answered: int) -> None:
        now = self._clock()
        if self._expected:
            # They did not come back before another pass was over: it took at least that long.
            self._average_in(now - self._ended)
        self._expected, self._ended = answered, now
        self._scatter = 1 / math.sqrt(max(1, answered))
        self.all_back.clear()

    def seconds_to_wait(self) -> float:
        longest = max(_LONGEST_RETURN, 1 - _MARGIN * self._scatter) * self._cost.fixed_seconds
        if not self._expected or self._average is None or self._average >= longest:
            return 0.0
        patience = 1 + min(1.0, _PATIENCE * self._scatter)
        return max(0.0, self._ended + patience * self._average - self._clock())

    def _average_in(self, seconds: float) -> None:
        # An idle night says no more than that they did not come back in time.
        bounded = min(seconds, 2 * self._cost.fixed_seconds)
        average = bounded if self._average is None else self._average
        self._average = average + _RETURN_WEIGHT * (min(bounded, _LARGEST_SURPRISE * average) - average)


def _share_pass(waiting: Sequence[_Request], *, most_rows: int) -> list[_Part]:
    """Max-min fair shares of one pass: an equal share each, and what small requests leave goes to larger ones.

    Source: Bertsekas and Gallager, Data Networks, 2nd edition (1992), section 6.5.2.
    """
    chosen = waiting[:most_rows]
    room = most_rows
    parts = {}
    for position, request in enumerate(sorted(chosen, key=lambda request: len(request.rows) - request.answered)):
        share = room // (len(chosen) - position)
        rows = request.rows[request.answered : request.answered + share]
        parts[id(request)] = _Part(request, rows)
        room -= len(rows)
    return [parts[id(request)] for request in chosen]


def _distribute(answers: Predictions, parts: Sequence[_Part]) -> None:
    start = 0
    for part in parts:
        stop = start + len(part.rows)
        probabilities = None if answers.probabilities is None else answers.probabilities[start:stop]
        part.request.accept(Predictions(answers.labels[start:stop], probabilities))
        start = stop


def _concatenate(answers: Sequence[Predictions]) -> Predictions:
    if len(answers) == 1:
        return answers[0]
    labels = [label for answer in answers for label in answer.labels]
    if any(answer.probabilities is None for answer in answers):
        return Predictions(labels, None)
    return Predictions(labels, [row for answer in answers for row in answer.probabilities or ()])
