"""Stands before the executor of one release: only rows whose answers are not known reach the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.runtime.deadline import current_deadline
from app.runtime.predictions import Executor, Predictions
from app.runtime.rows import TypedRow
from app.serving.cache.answers import Answer, decode_answer, encode_answer, join_answers, split_answers
from app.serving.cache.bypass import wants_new_answers
from app.serving.cache.counts import CacheCounts
from app.serving.cache.digests import RowDigests, RowNotNamed
from app.serving.cache.flights import Flight, Flights
from app.serving.cache.memory import RowMemory

Answers = dict[bytes, Answer]


class CachingExecutor:
    """Safe to call from several threads at once.

    Fallback: rows without a canonical form are computed, and counted as rows that were not looked for. Rows that
    another request was to compute, and could not, are computed here.
    """

    def __init__(
        self, executor: Executor, digests: RowDigests, *, memory: RowMemory, flights: Flights, counts: CacheCounts
    ) -> None:
        self._executor = executor
        self._digests = digests
        self._memory = memory
        self._flights = flights
        self._counts = counts
        self._is_closed = False

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        """Answer rows as the executor would.

        Raises:
            Exception: what the executor raises.
            DeadlineExceeded: when the request is due before all of its rows are known.
        """
        if wants_new_answers():
            self._counts.add(bypassed=len(rows))
            return self._executor.predict(rows)
        try:
            names = self._digests.compute(rows)
        except RowNotNamed:
            names = []
        if self._is_closed or not names:
            self._counts.add(unasked=len(rows))
            return self._executor.predict(rows)
        return self._answer(rows, names)

    def close(self) -> None:
        """Keep nothing of this release any more, and use nothing of it."""
        self._is_closed = True
        self._memory.forget(self._digests.owner)

    def _answer(self, rows: Sequence[TypedRow], names: Sequence[bytes]) -> Predictions:
        answers = self._recall(names)
        hits = len(names) if len(answers) == len(names) else sum(name in answers for name in names)
        computed = 0
        if hits < len(names):
            missing = {name: row for name, row in zip(names, rows, strict=True) if name not in answers}
            completed, computed = self._complete(missing)
            answers.update(completed)
        self._counts.add(hits=hits, misses=computed, joined=len(names) - hits - computed)
        return join_answers([answers[name] for name in names], cached_rows=len(names) - computed)

    def _complete(self, missing: Mapping[bytes, TypedRow]) -> tuple[Answers, int]:
        """Answers to rows that are not remembered, and how many of them were computed here."""
        flight = Flight()
        own, elsewhere = self._flights.claim(missing, flight)
        try:
            computed = self._compute_own(own, missing, flight) if own else 0
        finally:
            self._flights.end(own, flight)
        answers = dict(flight.answers)
        for name, other in elsewhere.items():
            other.wait(current_deadline())
            if name in other.answers:
                answers[name] = other.answers[name]
        left = [name for name in elsewhere if name not in answers]
        if left:
            answers.update(self._compute(left, missing))
        return answers, computed + len(left)

    def _compute_own(self, own: Sequence[bytes], missing: Mapping[bytes, TypedRow], flight: Flight) -> int:
        # Another thread may have landed with some of them between the look and the claim.
        flight.answers.update(self._recall(own))
        left = [name for name in own if name not in flight.answers]
        if left:
            flight.answers.update(self._compute(left, missing))
        return len(left)

    def _compute(self, names: Sequence[bytes], rows: Mapping[bytes, TypedRow]) -> Answers:
        predictions = self._executor.predict([rows[name] for name in names])
        answers = dict(zip(names, split_answers(predictions), strict=True))
        if not self._is_closed:
            self._memory.remember({name: encode_answer(answer) for name, answer in answers.items()})
        return answers

    def _recall(self, names: Sequence[bytes]) -> Answers:
        return {name: decode_answer(content) for name, content in self._memory.find(names).items()}
