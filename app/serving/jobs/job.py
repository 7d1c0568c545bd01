"""A job and the steps that it is done in, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.serving.scoring.scorer import PartRefusal

Outcome = Literal["done", "failed", "cancelled"]
State = Literal["queued", "running", "done", "failed", "cancelled"]
StepKind = Literal["cut", "score", "join"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What was asked for, and what became of it.

    Attributes:
        key_id: The API key that asked; besides it only operators see the job, and only it gets the result.
        version: The release that answers all of its rows.
        address: Where the table lies; None when it was sent along.
        media_type: Of the table.
        result_type: The media type of the result.
        parts: Where the parts of the table lie, below the job's directory; None before it is cut.
        rows: How many there are; None before the table is cut.
        refusal: Why it failed.
        warnings: How many values of each kind were accepted although training has not seen their like.
    """

    id: str
    key_id: str
    version: str
    address: str | None
    media_type: str
    result_type: str
    created_at: datetime
    parts: str | None = None
    rows: int | None = None
    outcome: Outcome | None = None
    ended_at: datetime | None = None
    refusal: PartRefusal | None = None
    warnings: Mapping[str, int] | None = None


@dataclass(frozen=True, order=True)
class JobPosition:
    """Where a job stands among all: by the moment when it was handed in, and for the same moment by its id."""

    created_at: datetime
    id: str


@dataclass(frozen=True)
class Step:
    """One thing that a worker does at a time: the table is cut, each part is scored, the results are joined."""

    job_id: str
    kind: StepKind
    number: int


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """How far a job is.

    Attributes:
        rows_done: Rows of parts whose results are kept.
        seconds: Since its first part was begun.
    """

    job: Job
    is_begun: bool
    rows_done: int
    seconds: float

    @property
    def state(self) -> State:
        return self.job.outcome or ("running" if self.is_begun else "queued")

    @property
    def share(self) -> float | None:
        """Of the rows, between 0 and 1; None before the table is cut."""
        if self.job.rows is None:
            return None
        return self.rows_done / self.job.rows if self.job.rows else 1.0

    @property
    def rows_per_second(self) -> float | None:
        return self.rows_done / self.seconds if self.rows_done and self.seconds > 0 else None


@dataclass(frozen=True)
class JobPage:
    """Some jobs, the newest first; `last` is where the older ones go on, None when there are none."""

    jobs: Sequence[JobProgress]
    last: JobPosition | None
