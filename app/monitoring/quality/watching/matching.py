"""Outcomes find their predictions, whichever of both is read first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from app.monitoring.quality.feedback import KeptOutcome, Mark
from app.monitoring.quality.watching.outcomes import OutcomeTables, WaitingOutcome, read_kept
from app.monitoring.quality.watching.predictions import AnsweredRequest, PredictionTable, ReadAnswers

# A line of the log is there within a second, and the watcher may have to read much before it.
SECONDS_TO_WAIT = 3600.0

_EXPIRED_AT_ONCE = 10_000


class Matcher:
    """Makes pairs; to be told of an outcome twice makes one.

    Attributes:
        without_answers: Outcomes whose prediction the log has without its answers, by version.
    """

    def __init__(
        self, predictions: PredictionTable, outcomes: OutcomeTables, *, without_answers: Mapping[str, int]
    ) -> None:
        self.without_answers: Counter[str] = Counter(without_answers)
        self._predictions = predictions
        self._outcomes = outcomes
        self._unknown: list[Mark] = []

    def take(self, requests: Sequence[AnsweredRequest], told: Sequence[KeptOutcome], *, now: float) -> set[str]:
        """Make pairs of requests that are in the table by now, and of outcomes; return the versions with new ones."""
        changed: set[str] = set()
        if self._outcomes.is_waited_for():
            for request in requests:
                changed |= self._pair(request, self._outcomes.take_waiting(request.request))
        for outcomes in _group_by_request(told):
            changed |= self._take_outcomes(outcomes, now)
        return changed

    def take_unknown(self, now: float) -> Sequence[Mark]:
        """The outcomes since the last call whose predictions are not there, or were not found in time."""
        expired = self._outcomes.take_expired(now - SECONDS_TO_WAIT, most=_EXPIRED_AT_ONCE)
        unknown, self._unknown = self._unknown, []
        return [*unknown, *((outcome.prediction_id, outcome.revision) for outcome in expired)]

    def _take_outcomes(self, outcomes: Sequence[WaitingOutcome], now: float) -> set[str]:
        """Take outcomes of one request."""
        changed: set[str] = set()
        new = []
        for outcome in outcomes:
            version = self._outcomes.change_pair(outcome)
            if version is None:
                new.append(outcome)
            else:
                changed.add(version)
        request = self._predictions.find(outcomes[0].request) if new else None
        if request is not None:
            return changed | self._pair(request, new)
        for outcome in new:
            self._outcomes.wait(outcome, seen_at=now)
        return changed

    def _pair(self, request: AnsweredRequest, outcomes: Sequence[WaitingOutcome]) -> set[str]:
        if not outcomes:
            return set()
        if request.answers is None:
            self.without_answers[request.version] += len(outcomes)
            return {request.version}
        answers = ReadAnswers(request.answers)
        for outcome in outcomes:
            if outcome.position < len(answers):
                self._outcomes.add_pair(request.version, outcome, answers[outcome.position])
            else:
                self._unknown.append((outcome.prediction_id, outcome.revision))
        return {request.version}


def _group_by_request(told: Sequence[KeptOutcome]) -> Iterable[Sequence[WaitingOutcome]]:
    grouped: dict[bytes, list[WaitingOutcome]] = {}
    for outcome in map(read_kept, told):
        grouped.setdefault(outcome.request, []).append(outcome)
    return grouped.values()
