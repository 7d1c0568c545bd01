"""The part of the watcher that measures quality where outcomes have come, and estimates it where none have."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from app.monitoring.figures import Figure
from app.monitoring.quality.feedback import FeedbackStore, KeptOutcome, Mark
from app.monitoring.quality.measuring.values import OutcomeValues, find_unknown_classes
from app.monitoring.quality.watching.expectations import ExpectationTable
from app.monitoring.quality.watching.expected import ExpectedQuality, expect_quality
from app.monitoring.quality.watching.expecting import Expectations
from app.monitoring.quality.watching.live import LiveQuality, measure_live_quality
from app.monitoring.quality.watching.matching import Matcher
from app.monitoring.quality.watching.outcomes import OutcomeTables
from app.monitoring.quality.watching.predictions import AnsweredRequest, PredictionTable, write_answers
from app.monitoring.quality.watching.versions import PublishedVersions
from app.monitoring.snapshots import Snapshot
from app.monitoring.watcher.parts import Record, State
from app.release.manifest import Manifest

LEAST_OUTCOMES = 100
"""Of fewer outcomes, or rows, there is no figure: alerts would tell of chance. The snapshots tell of any number."""
LEAST_ROWS = 500

MOST_TAKEN = 10_000
SECONDS_BETWEEN_MEASURES = 60.0
SECONDS_BETWEEN_PRUNINGS = 3600.0
# A version that answers no more is of no concern to anybody who has to be woken.
IN_SERVICE_FOR = timedelta(days=1)
_MOST_VERSIONS = 50

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class QualityTerms:
    """Attributes: window: Outcomes that live metrics rest on; days: How long predictions wait for theirs."""

    window: int
    days: int
    values: OutcomeValues | None = None


class QualityPart:
    """Joins outcomes of the database with predictions of the log, in tables of the watcher's file.

    An outcome is taken from the database in one round and marked there as taken in the next, when it is known to be
    kept: whoever is killed between takes it again, and it counts once all the same. A file that begins anew takes all
    outcomes again that the database still has.
    """

    name = "quality"

    def __init__(
        self,
        state: State | None,
        *,
        feedback: FeedbackStore,
        versions: PublishedVersions,
        terms: QualityTerms,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._feedback = feedback
        self._versions = versions
        self._terms = terms
        self._clock = clock
        self._is_new = state is None
        self._answered: dict[str, str] = dict((state or {}).get("answered", {}))
        self._without_answers: Mapping[str, int] = (state or {}).get("without_answers", {})
        self._requests: list[AnsweredRequest] = []
        self._told: Sequence[KeptOutcome] = ()
        self._taken: Sequence[Mark] = (state or {}).get("taken", [])
        self._unknown: Sequence[Mark] = (state or {}).get("unknown", [])
        self._expecting = Expectations(versions)
        self._pruned_at = 0.0
        self._live: dict[str, LiveQuality] = {}
        self._expected: dict[str, ExpectedQuality] = {}

    def prepare(self, connection: sqlite3.Connection) -> None:
        self._predictions = PredictionTable(connection)
        self._outcomes = OutcomeTables(connection, window=self._terms.window)
        self._expectations = ExpectationTable(connection)
        self._matcher = Matcher(self._predictions, self._outcomes, without_answers=self._without_answers)
        # After a restart all is measured once.
        self._outcomes_due = _Due(self._outcomes.list_versions())
        self._rows_due = _Due(self._expectations.list_versions())

    def consume(self, record: Record) -> None:
        if record["kind"] != "request" or not record.get("prediction_id"):
            return
        version, at = record["version"], record["at"]
        self._requests.append(
            AnsweredRequest(
                request=bytes.fromhex(record["prediction_id"]),
                at=at,
                version=version,
                rows=record["rows"],
                answers=write_answers(record),
            )
        )
        if at > self._answered.get(version, ""):
            self._note_service(version, at)
        self._expecting.add(record)

    def poll(self) -> None:
        """Mark what was taken in the last round, and take what is new.

        Raises:
            Unavailable: when the database does not answer.
        """
        self._feedback.mark(self._taken, "taken")
        self._feedback.mark(self._unknown, "unknown")
        self._taken, self._unknown = [], []
        if self._is_new:
            self._feedback.offer_again()
            self._is_new = False
        self._prune_feedback()
        self._told = self._feedback.list_new(MOST_TAKEN)

    def store(self, connection: sqlite3.Connection) -> None:  # noqa: ARG002 - its tables know it
        requests, self._requests = self._requests, []
        told, self._told = self._told, ()
        now = self._clock()
        oldest = now - self._terms.days * 86_400
        self._predictions.add(requests, oldest=_write_moment(oldest))
        changed = self._matcher.take(requests, told, now=now)
        if changed:
            self._outcomes.shorten(changed, oldest=oldest)
            self._outcomes_due.note(changed)
        self._rows_due.note(self._expecting.store(self._expectations))
        self._taken = [*self._taken, *((kept.prediction_id, kept.revision) for kept in told)]
        self._unknown = [*self._unknown, *self._matcher.take_unknown(now)]

    def figures(self, now: datetime) -> Sequence[Figure]:
        oldest = _write_moment((now - IN_SERVICE_FOR).timestamp())
        in_service = [version for version, at in self._answered.items() if at >= oldest]
        return [
            Figure(name, value, now, {"version": version})
            for version in in_service
            for name, value in (*self._list_live_figures(version), *self._list_estimated_figures(version))
        ]

    def snapshots(self, now: datetime) -> Sequence[Snapshot]:
        told = [self._measure(version) for version in self._outcomes_due.take(self._clock())]
        self._expectations.remove_old(now)
        told += [self._expect(version) for version in self._rows_due.take(self._clock())]
        return [snapshot for snapshot in told if snapshot is not None]

    def to_state(self) -> State:
        return {
            "answered": self._answered,
            "without_answers": dict(self._matcher.without_answers),
            "taken": self._taken,
            "unknown": self._unknown,
        }

    def _note_service(self, version: str, at: str) -> None:
        self._answered[version] = at
        if len(self._answered) > _MOST_VERSIONS:
            del self._answered[min(self._answered, key=lambda known: self._answered[known])]

    def _prune_feedback(self) -> None:
        now = self._clock()
        if abs(now - self._pruned_at) >= SECONDS_BETWEEN_PRUNINGS:
            self._feedback.prune(datetime.fromtimestamp(now, timezone.utc) - timedelta(days=self._terms.days))
            self._pruned_at = now

    def _measure(self, version: str) -> Snapshot | None:
        published, window = self._versions.find(version), self._outcomes.read_window(version)
        without = {"without_answers": self._matcher.without_answers[version]}
        if window is None or published is None:
            return self._tell_nothing(version, without) if without["without_answers"] else None
        self._note_unknown_classes(published.manifest)
        live = self._live[version] = measure_live_quality(window, published, self._terms.values)
        return _make_snapshot("quality", version, window.start, window.end, {**live.to_document(), **without})

    def _note_unknown_classes(self, manifest: Manifest) -> None:
        """Log once for each version what is most likely misspelt: it would never be counted."""
        unknown = find_unknown_classes(self._terms.values, manifest) if self._terms.values else []
        if unknown and manifest.version not in self._live:
            logger.warning("Values are declared for classes that version %s has not: %s", manifest.version, unknown)

    def _tell_nothing(self, version: str, without: Mapping[str, int]) -> Snapshot:
        """Outcomes came, and the log does not say what they are of."""
        now = datetime.fromtimestamp(self._clock(), timezone.utc)
        document: dict[str, Any] = {"outcomes": 0, "rows": 0, "unfit": 0, "metrics": [], "money": None, **without}
        return _make_snapshot("quality", version, now, now, document)

    def _expect(self, version: str) -> Snapshot | None:
        published = self._versions.find(version)
        window = self._expectations.read_window(version, least_rows=max(LEAST_ROWS, self._terms.window))
        if window is None or published is None:
            return None
        expected = self._expected[version] = expect_quality(window, published, self._terms.values)
        live = self._live.get(version)
        document = expected.to_document(live.checked if live else {})
        return _make_snapshot("estimate", version, window.start, window.end, document)

    def _list_live_figures(self, version: str) -> Iterator[tuple[str, float]]:
        live = self._live.get(version)
        if live is None or live.outcomes < min(LEAST_OUTCOMES, self._terms.window):
            return
        for metric in live.metrics:
            yield f"quality_{metric.name}", metric.value
            if metric.drop is not None:
                yield f"quality_drop_{metric.name}", metric.drop
        if live.money is not None:
            yield "money_per_window", live.money.total

    def _list_estimated_figures(self, version: str) -> Iterator[tuple[str, float]]:
        expected = self._expected.get(version)
        if expected is not None and expected.window.sums.rows >= LEAST_ROWS:
            yield from ((f"estimated_{metric.name}", metric.value) for metric in expected.metrics)


class _Due:
    """Versions of which something is new; each is taken at most once a minute."""

    def __init__(self, versions: Sequence[str]) -> None:
        self._changed = set(versions)
        self._taken_at: dict[str, float] = {}

    def note(self, versions: set[str]) -> None:
        self._changed |= versions

    def take(self, now: float) -> list[str]:
        least = now - SECONDS_BETWEEN_MEASURES
        # What was taken in the future was taken before the clock was set back.
        due = sorted(version for version in self._changed if not least < self._taken_at.get(version, least) <= now)
        self._changed -= set(due)
        self._taken_at |= dict.fromkeys(due, now)
        return due


def _make_snapshot(kind: Any, version: str, start: datetime, end: datetime, document: Mapping[str, Any]) -> Snapshot:
    """One for each hour: within it, the last takes the place of those before."""
    return Snapshot(
        kind=kind,
        version=version,
        window_start=start,
        window_end=end,
        document=document,
        identity=f"{kind}:{version}:{end.astimezone(timezone.utc).isoformat()[:13]}",
    )


def _write_moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
