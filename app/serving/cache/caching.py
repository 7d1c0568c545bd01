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
from app.serving.cache.shared.answers import SharedAnswers
from app.serving.cache.worth import Worth

Answers = dict[bytes, Answer]


class CachingExecutor:
    """Safe to call from several threads at once.

    Fallback: rows without a canonical form are computed, and counted as rows that were not looked for. Rows that
    another request was to compute, and could not, are computed here.
    """

    def __init__(
        self,
        executor: Executor,
        digests: RowDigests,
        *,
        memory: RowMemory,
        shared: SharedAnswers,
        worth: Worth,
        flights: Flights,
        counts: CacheCounts,
    ) -> None:
        self._executor = executor
        self._digests = digests
        self._memory = memory
        self._shared = shared
        self._worth = worth
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
        names = self._name(rows)
        if names is None:
            self._counts.add(unasked=len(rows))
            return self._executor.predict(rows)
        return self._answer(rows, names)

    def close(self) -> None:
        """Keep nothing of this release any more, and use nothing of it."""
        self._is_closed = True
        self.forget()

    def forget(self) -> None:
        """Forget what this process remembers of this release."""
        self._memory.forget(self._digests.owner)

    def tell_worth(self, version: str) -> None:
        """Say in the log where it pays to look for answers, when that has changed."""
        self._worth.tell(version)
        self._shared.worth.tell(version)

    def _name(self, rows: Sequence[TypedRow]) -> list[bytes] | None:
        """What to look for; None when nobody is to look."""
        if self._is_closed or not rows or not self._worth.pays(rows):
            return None
        try:
            return self._digests.compute(rows)
        except RowNotNamed:
            return None

    def _answer(self, rows: Sequence[TypedRow], names: Sequence[bytes]) -> Predictions:
        answers, asked = self._recall(names), len(names)
        hits = asked if len(answers) == asked else sum(name in answers for name in names)
        if hits == asked:
            cached = hits
            self._counts.add(hits=hits)
        else:
            missing = {name: row for name, row in zip(names, rows, strict=True) if name not in answers}
            flight = Flight()
            answers.update(self._complete(missing, flight))
            cached, found = asked - flight.computed, flight.found
            self._counts.add(hits=hits, shared_hits=found, misses=flight.computed, joined=cached - hits - found)
        self._worth.note(looked_for=asked, found=cached)
        return join_answers([answers[name] for name in names], cached_rows=cached)

    def _complete(self, missing: Mapping[bytes, TypedRow], flight: Flight) -> Answers:
        """Answers to rows that are not remembered."""
        own, elsewhere = self._flights.claim(missing, flight)
        try:
            if own:
                self._fly(own, missing, flight)
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
            flight.computed += len(left)
        return answers

    def _fly(self, own: Sequence[bytes], rows: Mapping[bytes, TypedRow], flight: Flight) -> None:
        # Another thread may have landed with some of them between the look and the claim.
        flight.answers.update(self._recall(own))
        left = [name for name in own if name not in flight.answers]
        looks = bool(left) and self._shared.worth.pays([rows[name] for name in left])
        if looks:
            found = self._find_shared(left)
            flight.answers.update(found)
            flight.found = len(found)
            left = [name for name in left if name not in found]
        if left:
            flight.answers.update(self._compute(left, rows, is_shared=looks))
            flight.computed = len(left)

    def _compute(self, names: Sequence[bytes], rows: Mapping[bytes, TypedRow], *, is_shared: bool = False) -> Answers:
        predictions = self._executor.predict([rows[name] for name in names])
        answers = dict(zip(names, split_answers(predictions), strict=True))
        if not self._is_closed:
            encoded = {name: encode_answer(answer) for name, answer in answers.items()}
            self._memory.remember(encoded)
            if is_shared:
                self._shared.keep(encoded, are_wanted=lambda: not self._is_closed)
        return answers

    def _find_shared(self, names: Sequence[bytes]) -> Answers:
        found = self._shared.find(names)
        if not self._is_closed:
            self._memory.remember(found)
        return _decode(found)

    def _recall(self, names: Sequence[bytes]) -> Answers:
        return _decode(self._memory.find(names))


def _decode(found: Mapping[bytes, bytes]) -> Answers:
    return {name: decode_answer(content) for name, content in found.items()}
