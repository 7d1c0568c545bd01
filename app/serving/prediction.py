"""Predict rows with whatever release is to answer them: the active one, or a candidate that is on trial."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from app.runtime.cost_curve import choose_chunk_rows
from app.runtime.deadline import NO_DEADLINE, Deadline, answering_by, current_deadline
from app.runtime.loading import LoadedRelease
from app.runtime.switching.active import ActiveRelease
from app.serving.answering import Prediction
from app.serving.cache.bypass import answering_anew
from app.serving.chunks import LEAST_CHUNK_ROWS, AnswersInSequence, ReadChunks, check_chunks, check_count
from app.serving.overload.under_way import PredictionsUnderWay
from app.serving.rollout.trials.trial import NoTrial, Trial


class PredictionService:
    """Answers prediction requests; each is answered by one release as a whole, which the answer names.

    Attributes:
        trial: What the candidate, if there is one, has to do with a request. Replaced while requests come.
        under_way: The predictions that have begun and not ended.
    """

    def __init__(self, active: ActiveRelease, *, max_rows: int) -> None:
        self._active = active
        self._max_rows = max_rows
        self.trial: Trial = NoTrial()
        self.under_way = PredictionsUnderWay()

    def predict(
        self,
        rows: Sequence[Any],
        *,
        route_value: str | None = None,
        deadline: Deadline = NO_DEADLINE,
        is_anew: bool = False,
    ) -> Prediction:
        """Predict rows as a caller sent them.

        Args:
            route_value: What the caller is known by, as `trial.routed_by` asks for it.
            deadline: When the answer is due. What cannot begin before is not predicted.
            is_anew: Whether the model has to compute every row, also those whose answers are known.

        Raises:
            ModelNotReady: when no release is loaded.
            TooLarge: for more rows than one request may hold.
            InvalidRows: with every fault of every row.
            PredictionFailed: when the model breaks on rows that fit its schema.
            DeadlineExceeded: when it is not the request's turn in time.
        """
        release = self._active.begin()
        self.under_way.begin(deadline)
        try:
            check_count(len(rows), self._max_rows)
            deadline.require_time()
            with answering_by(deadline), answering_anew(is_anew):
                return self.trial.answer(release, rows, route_value)
        finally:
            self.under_way.end()
            self._active.end()

    def predict_chunks(
        self,
        read_chunks: ReadChunks,
        *,
        admit: Callable[[int], None],
        route_value: str | None = None,
        deadline: Deadline = NO_DEADLINE,
        is_anew: bool = False,
    ) -> Generator[tuple[Sequence[Any], Prediction], None, None]:
        """Predict rows that need not be in memory all at once; close the iterator when it is not read to its end.

        As with `predict`, nothing is predicted when one row has a fault, and one release answers all of them. More than
        a few rows are therefore read twice.

        Args:
            read_chunks: Begins to read the rows, so many at a time; called at most twice after a first look.
            admit: Told how many rows there are, before any is predicted; refuses them by raising.

        Yields:
            Each chunk with its prediction; rows of warnings count from the start of the first chunk.

        Raises:
            As `predict`, and Unavailable when a trial ends meanwhile that these rows took part in.
        """
        release = self._active.begin()
        self.under_way.begin(deadline)
        try:
            deadline.require_time()
            with answering_by(deadline), answering_anew(is_anew):
                yield from self._predict_chunks(release, read_chunks, admit, route_value)
        finally:
            self.under_way.end()
            self._active.end()

    def _predict_chunks(
        self,
        release: LoadedRelease,
        read_chunks: ReadChunks,
        admit: Callable[[int], None],
        route_value: str | None,
    ) -> Iterator[tuple[Sequence[Any], Prediction]]:
        first = next(read_chunks(LEAST_CHUNK_ROWS), [])
        chunks: Iterator[Sequence[Any]] = iter((first,))
        count = len(first)
        if count == LEAST_CHUNK_ROWS:
            chunk_rows = choose_chunk_rows(release.cost)
            count = check_chunks(release, _while_time_is_left(read_chunks(chunk_rows)), most_rows=self._max_rows)
            chunks = read_chunks(chunk_rows)
        check_count(count, self._max_rows)
        admit(count)
        trial, answers = self.trial, AnswersInSequence()
        for chunk in _while_time_is_left(chunks):
            yield chunk, answers.join(trial.answer(release, chunk, route_value))


def _while_time_is_left(chunks: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """Raises: DeadlineExceeded: before the first chunk that the request has no time for."""
    for chunk in chunks:
        current_deadline().require_time()
        yield chunk
