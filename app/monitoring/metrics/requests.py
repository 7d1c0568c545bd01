"""Counts requests, from what the observer was told of them. Label values are ours; none is a caller's text."""

from __future__ import annotations

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter

from app.monitoring.metrics.histograms import BUCKETS, BatchHistogram
from app.monitoring.observation import AnswerObserved, RequestObserved

MOST_VERSIONS = 100
UNMATCHED = "unmatched"
NO_VERSION = ""
OTHER = "other"


class RequestMetrics:
    """A consumer of observations. Works on a batch in memory and touches each shared value once a batch.

    A process counts at most `MOST_VERSIONS` versions by their names, later ones as `other`.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._versions: set[str] = set()
        self._count_what_was_asked(registry)
        self._count_what_was_answered(registry)
        self._count_what_was_refused(registry)

    def consume(self, events: Sequence[RequestObserved], *, lost: int) -> None:
        if lost:
            self._lost.inc(lost)
        if not events:
            return
        self._count_requests([event for event in events if not event.is_part])
        answers = [event.answer for event in events if event.answer is not None]
        if answers:
            self._count_answers(answers)
            self._parts.labels("queue").observe_many(
                event.waited_seconds for event in events if event.answer is not None and not event.is_part
            )
        refused = [event for event in events if event.error is not None]
        if refused:
            self._count_refused(refused)

    def close(self) -> None: ...

    def _count_what_was_asked(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "gluonserve_requests",
            "Requests that were answered, by the rule of their route; version is empty where no model answered.",
            ("route", "status", "version"),
            registry=registry,
        )
        self._durations = BatchHistogram(
            "gluonserve_request_duration_seconds",
            "From when a request was whole at the socket to its answer; where nobody measured that, from its thread.",
            ("route",),
            registry=registry,
            buckets=BUCKETS,
        )
        self._lost = Counter(
            "gluonserve_observations_lost",
            "Requests that are in no other metric and in no log: too many ended at once.",
            registry=registry,
        )

    def _count_what_was_answered(self, registry: CollectorRegistry) -> None:
        self._parts = BatchHistogram(
            "gluonserve_prediction_part_duration_seconds",
            "Parts of predictions: queue is waiting at the socket, validate the check of the rows, predict the model.",
            ("part",),
            registry=registry,
            buckets=BUCKETS,
        )
        self._rows = Counter(
            "gluonserve_predicted_rows",
            "Rows predicted, by the release that did and whether its plan or AutoGluon itself executed them.",
            ("version", "role", "execution"),
            registry=registry,
        )
        self._warnings = Counter(
            "gluonserve_warnings", "Values that were accepted with a warning.", ("kind",), registry=registry
        )

    def _count_what_was_refused(self, registry: CollectorRegistry) -> None:
        self._errors = Counter(
            "gluonserve_errors",
            "Requests that were refused or failed, by the code of the answer.",
            ("code",),
            registry=registry,
        )
        self._limited = Counter(
            "gluonserve_limited_requests",
            "Requests that were answered 429, by the limit that was reached.",
            ("limit",),
            registry=registry,
        )

    def _count_requests(self, events: Iterable[RequestObserved]) -> None:
        tally: Tally[tuple[str | None, int, str]] = Tally()
        durations: defaultdict[str | None, list[float]] = defaultdict(list)
        for event in events:
            answer = event.answer
            tally[event.route, event.status, NO_VERSION if answer is None else answer.version] += 1
            durations[event.route].append(event.waited_seconds + event.seconds)
        for (route, status, version), count in tally.items():
            self._requests.labels(route or UNMATCHED, str(status), self._bound_version(version)).inc(count)
        for route, seconds in durations.items():
            self._durations.labels(route or UNMATCHED).observe_many(seconds)

    def _count_answers(self, answers: Sequence[AnswerObserved]) -> None:
        rows: Tally[tuple[str, str, str]] = Tally()
        kinds: Tally[str] = Tally()
        for answer in answers:
            rows[answer.version, answer.role, answer.execution] += answer.rows
            if answer.warnings:
                kinds.update(warning.kind or OTHER for warning in answer.warnings)
        for (version, role, execution), count in rows.items():
            self._rows.labels(self._bound_version(version), role, execution).inc(count)
        for kind, count in kinds.items():
            self._warnings.labels(kind).inc(count)
        self._parts.labels("validate").observe_many(answer.validate_seconds for answer in answers)
        self._parts.labels("predict").observe_many(answer.predict_seconds for answer in answers)

    def _count_refused(self, refused: Iterable[RequestObserved]) -> None:
        codes: Tally[str] = Tally()
        limits: Tally[str] = Tally()
        for event in refused:
            codes[event.error or OTHER] += 1
            if event.limit is not None:
                limits[event.limit] += 1
        for code, count in codes.items():
            self._errors.labels(code).inc(count)
        for limit, count in limits.items():
            self._limited.labels(limit).inc(count)

    def _bound_version(self, version: str) -> str:
        if version in self._versions or version == NO_VERSION:
            return version
        if len(self._versions) >= MOST_VERSIONS:
            return OTHER
        self._versions.add(version)
        return version
