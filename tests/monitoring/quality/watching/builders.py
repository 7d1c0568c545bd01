"""A quality part with a real file and a real database, taken through rounds as the watcher takes it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Engine

from app.monitoring.quality.feedback import FeedbackStore, Receipt, ToldOutcome
from app.monitoring.quality.watching.part import QualityPart, QualityTerms
from app.monitoring.quality.watching.versions import Published
from app.monitoring.snapshots import Snapshot
from tests.manifests import make_manifest
from tests.monitoring.watcher.builders import START, make_record

CLASSES = ["No", "Yes"]
NOW = START.timestamp() + 60


class KnownVersions:
    """Versions as somebody has published them."""

    def __init__(self, **published: Published) -> None:
        self._published = published

    def find(self, version: str) -> Published | None:
        return self._published.get(f"v{version}")


class Watched:
    """The watcher, with this part only.

    Attributes:
        now: Seconds since 1970; goes on when a test says so.
    """

    def __init__(
        self, place: Path, database: Engine, terms: QualityTerms | None = None, **published: Published
    ) -> None:
        self.feedback = FeedbackStore(database, clock=lambda: datetime.fromtimestamp(self.now, timezone.utc))
        self.now = NOW
        self._file = place / "watcher.db"
        self._terms = terms or QualityTerms(window=1000, days=30)
        self._versions = KnownVersions(**(published or {"v3": Published(make_manifest())}))
        self._kept: Any = None
        self.start(None)

    def start(self, state: Any) -> None:
        self.connection = sqlite3.connect(self._file, isolation_level=None)
        self.part = QualityPart(
            state, feedback=self.feedback, versions=self._versions, terms=self._terms, clock=lambda: self.now
        )
        self.part.prepare(self.connection)

    def restart(self, *, is_new: bool = False) -> None:
        """Go on with what was kept, or as if there were no state."""
        self.connection.close()
        self.start(None if is_new else self._kept)

    def read(self, *records: Mapping[str, Any], commit: bool = True) -> None:
        """A batch of the log."""
        for record in records:
            self.part.consume(record)
        self._store(commit)

    def look(self, *, commit: bool = True) -> dict[tuple[str, str], Snapshot]:
        """A round: what is told by kind and version."""
        self.part.poll()
        self.connection.execute("BEGIN")
        self.part.store(self.connection)
        told = self.part.snapshots(self._moment)
        self._end(commit)
        return {(snapshot.kind, snapshot.version or ""): snapshot for snapshot in told}

    def list_figures(self) -> dict[tuple[str, str], float]:
        return {(figure.name, figure.labels["version"]): figure.value for figure in self.part.figures(self._moment)}

    def tell(self, outcomes: Iterable[tuple[str, Any]]) -> Receipt:
        return self.feedback.add([ToldOutcome(row, *told) for row, told in enumerate(outcomes)], key="k")

    @property
    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, timezone.utc)

    def _store(self, commit: bool) -> None:
        self.connection.execute("BEGIN")
        self.part.store(self.connection)
        self._end(commit)

    def _end(self, commit: bool) -> None:
        if commit:
            self._kept = orjson.loads(orjson.dumps(self.part.to_state()))
        self.connection.execute("COMMIT" if commit else "ROLLBACK")


def make_answer(
    number: int, labels: list[Any], probabilities: list[float] | None, *, version: str = "3", seconds: float = 0.0
) -> dict[str, Any]:
    """The record of a request; probabilities are those of Yes."""
    others: dict[str, Any] = {"labels": labels, "prediction_id": name_request(number), "version": version}
    if probabilities is not None:
        others |= {"probabilities": [[1 - p, p] for p in probabilities], "classes": CLASSES}
    return make_record(seconds, rows=len(labels), **others)


def name_request(number: int) -> str:
    return f"{number:024x}"


def name_row(number: int, row: int = 0) -> str:
    return f"{name_request(number)}-{row}"


def make_churn(count: int, *, seed: int = 0, odds: float = 1.0) -> tuple[list[float], list[str], list[str]]:
    """Probabilities of Yes, what was answered, and what came true, as the probabilities say when the odds are 1."""
    random = np.random.default_rng(seed)
    said = random.beta(1, 2, count).round(4)
    true = odds * said / (1 - said + odds * said)
    truth = np.where(random.random(count) < true, "Yes", "No")
    return said.tolist(), np.where(said > 0.5, "Yes", "No").tolist(), truth.tolist()
