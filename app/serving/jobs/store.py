"""Jobs and their steps in the database, which alone says what is to be done and what is.

A worker claims a step, does it, and says that it is done; both are one statement that only one worker can win. What it
did before saying so may be done again, so every step is such that doing it twice gives the same files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, and_, case, delete, exists, func, insert, or_, select, update

from app.database import DATABASE_FAILURES, job_steps, jobs
from app.errors import FieldFault, Unavailable
from app.serving.jobs.counting import add_to_count
from app.serving.jobs.job import Job, JobPosition, JobProgress, Outcome, Step
from app.serving.scoring.scorer import PartRefusal

# A claim that is not renewed for so long is anybody's. Clocks of machines differ by seconds at most; where they do not,
# a step is done twice, which costs time and nothing else.
CLAIM_SECONDS = 30.0
# Whatever ends workers at the same step each time is to be found by people.
MOST_ATTEMPTS = 10
_ORDER_OF_KINDS = case({"cut": 0, "score": 1, "join": 2}, value=job_steps.c.kind)


class JobStore:
    """Safe to use from any number of processes."""

    def __init__(self, engine: Engine, *, now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)) -> None:
        self._engine = engine
        self._now = now

    def add(self, job: Job) -> None:
        """Keep a new job, whose table is to be cut."""
        values = asdict(job)
        del values["refusal"], values["warnings"]
        with self._begin() as connection:
            connection.execute(insert(jobs).values(**values))
            connection.execute(insert(job_steps).values(job_id=job.id, kind="cut", number=0, rows=0, attempts=0))

    def find(self, id: str) -> Job | None:
        with self._begin() as connection:
            row = connection.execute(select(jobs).where(jobs.c.id == id)).one_or_none()
        return None if row is None else _read_job(dict(row._mapping))

    def count_unfinished(self, key_id: str) -> int:
        unfinished = and_(jobs.c.key_id == key_id, jobs.c.outcome.is_(None))
        with self._begin() as connection:
            return int(connection.execute(select(func.count()).where(unfinished)).scalar_one())

    def list_newest(self, *, key_id: str | None, before: JobPosition | None, most: int) -> list[Job]:
        """Some jobs of a key, or for None of all keys, the newest first: the ones that stand before a position."""
        chosen = select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(most)
        if key_id is not None:
            chosen = chosen.where(jobs.c.key_id == key_id)
        if before is not None:
            at_once = and_(jobs.c.created_at == before.created_at, jobs.c.id < before.id)
            chosen = chosen.where(or_(jobs.c.created_at < before.created_at, at_once))
        with self._begin() as connection:
            return [_read_job(dict(row._mapping)) for row in connection.execute(chosen)]

    def measure(self, job: Job) -> JobProgress:
        """How far a job is."""
        (progress,) = self.measure_all([job])
        return progress

    def measure_all(self, found: Sequence[Job]) -> list[JobProgress]:
        """How far each of some jobs is."""
        scored = and_(job_steps.c.kind == "score", job_steps.c.done_at.is_not(None))
        figures = (
            select(
                job_steps.c.job_id,
                func.count(job_steps.c.claimed_at).label("claimed"),
                func.coalesce(func.sum(case((scored, job_steps.c.rows), else_=0)), 0).label("rows"),
                func.min(job_steps.c.begun_at).filter(job_steps.c.kind == "score").label("begun_at"),
            )
            .where(job_steps.c.job_id.in_([job.id for job in found]))
            .group_by(job_steps.c.job_id)
        )
        with self._begin() as connection:
            known = {row.job_id: row for row in connection.execute(figures)}
        return [self._describe(job, known.get(job.id)) for job in found]

    def count_parts(self, job_id: str) -> int:
        parts = and_(job_steps.c.job_id == job_id, job_steps.c.kind == "score")
        with self._begin() as connection:
            return int(connection.execute(select(func.count()).where(parts)).scalar_one())

    def claim(self, job_id: str, worker: str) -> Step | None:
        """Take the next step of a job that nobody works on; None when there is none now.

        A step that has been begun too often ends its job.
        """
        while True:
            with self._begin() as connection:
                row = connection.execute(self._select_claimable(job_id)).first()
                if row is None:
                    return None
                if row.attempts >= MOST_ATTEMPTS:
                    self._end(connection, job_id, "failed", refusal=_describe_attempts(row.kind))
                    return None
                step = Step(job_id, row.kind, row.number)
                unchanged = and_(_is(step), job_steps.c.done_at.is_(None), job_steps.c.attempts == row.attempts)
                taken = {"worker": worker, "claimed_at": self._now(), "attempts": row.attempts + 1}
                begun = {"begun_at": func.coalesce(job_steps.c.begun_at, taken["claimed_at"])}
                if connection.execute(update(job_steps).where(unchanged).values(**taken, **begun)).rowcount == 1:
                    return step

    def renew(self, worker: str) -> None:
        """Go on with all that a worker has claimed."""
        held = and_(job_steps.c.worker == worker, job_steps.c.done_at.is_(None))
        with self._begin() as connection:
            connection.execute(update(job_steps).where(held).values(claimed_at=self._now()))

    def give_back(self, has_gone: Callable[[str], bool]) -> None:
        """Let others go on at once with what workers had claimed that are no more."""
        held = and_(job_steps.c.worker.is_not(None), job_steps.c.done_at.is_(None))
        with self._begin() as connection:
            workers = connection.execute(select(job_steps.c.worker).where(held).distinct()).scalars().all()
            for worker in filter(has_gone, workers):
                mine = and_(job_steps.c.worker == worker, job_steps.c.done_at.is_(None))
                connection.execute(update(job_steps).where(mine).values(worker=None, claimed_at=None))

    def finish_cut(self, step: Step, parts: str, rows: Sequence[int]) -> bool:
        """Say where the parts lie and how many rows each has; tell whether this one counts."""
        with self._begin() as connection:
            if not self._finish(connection, step):
                return False
            connection.execute(update(jobs).where(jobs.c.id == step.job_id).values(parts=parts, rows=sum(rows)))
            values = [
                {"job_id": step.job_id, "kind": "score", "number": number, "rows": count, "attempts": 0}
                for number, count in enumerate(rows)
            ]
            if values:
                connection.execute(insert(job_steps), values)
            self._add_join_when_all_is_scored(connection, step.job_id)
            return True

    def finish_score(self, step: Step, warnings: Mapping[str, int]) -> bool:
        with self._begin() as connection:
            if not self._finish(connection, step, warnings=_write(warnings) if warnings else None):
                return False
            rows = connection.execute(select(job_steps.c.rows).where(_is(step))).scalar_one()
            self._add_join_when_all_is_scored(connection, step.job_id)
            add_to_count(connection, "rows", rows)
            return True

    def finish_join(self, step: Step) -> bool:
        """End the job well; tell whether this one counts."""
        with self._begin() as connection:
            if not self._finish(connection, step):
                return False
            warnings = self._sum_warnings(connection, step.job_id)
            return self._end(connection, step.job_id, "done", warnings=_write(warnings))

    def fail(self, job_id: str, refusal: PartRefusal) -> bool:
        with self._begin() as connection:
            return self._end(connection, job_id, "failed", refusal=_write(asdict(refusal)))

    def cancel(self, job_id: str) -> bool:
        """End a job that has not ended; tell whether this did."""
        with self._begin() as connection:
            return self._end(connection, job_id, "cancelled")

    def list_waiting(self) -> list[str]:
        """The jobs with a step that nobody works on, oldest first."""
        waiting = exists().where(job_steps.c.job_id == jobs.c.id, self._is_claimable())
        chosen = select(jobs.c.id).where(jobs.c.outcome.is_(None), waiting).order_by(jobs.c.created_at)
        with self._begin() as connection:
            return list(connection.execute(chosen).scalars())

    def list_ended_before(self, moment: datetime) -> list[str]:
        with self._begin() as connection:
            return list(connection.execute(select(jobs.c.id).where(jobs.c.ended_at < moment)).scalars())

    def delete(self, job_id: str) -> None:
        with self._begin() as connection:
            connection.execute(delete(job_steps).where(job_steps.c.job_id == job_id))
            connection.execute(delete(jobs).where(jobs.c.id == job_id))

    def _describe(self, job: Job, figures: Any) -> JobProgress:
        """Of a job that was removed meanwhile there are no figures."""
        if figures is None:
            return JobProgress(job=job, is_begun=False, rows_done=0, seconds=0.0)
        until = job.ended_at or self._now()
        seconds = (until - figures.begun_at).total_seconds() if figures.begun_at else 0.0
        return JobProgress(job=job, is_begun=figures.claimed > 0, rows_done=int(figures.rows), seconds=seconds)

    def _select_claimable(self, job_id: str) -> Any:
        # Of a job that has ended nothing is claimable.
        goes_on = exists().where(jobs.c.id == job_id, jobs.c.outcome.is_(None))
        mine = job_steps.c.job_id == job_id
        claimable = select(job_steps).where(mine, goes_on, self._is_claimable())
        return claimable.order_by(_ORDER_OF_KINDS, job_steps.c.number).limit(1)

    def _is_claimable(self) -> Any:
        now, claim = self._now(), timedelta(seconds=CLAIM_SECONDS)
        # One of the future was made before the clock was set back. Who still holds it renews it with the new time.
        lapsed = or_(job_steps.c.claimed_at < now - claim, job_steps.c.claimed_at > now + claim)
        free = or_(job_steps.c.claimed_at.is_(None), lapsed)
        return and_(job_steps.c.done_at.is_(None), free)

    def _finish(self, connection: Connection, step: Step, **values: Any) -> bool:
        open_step = and_(_is(step), job_steps.c.done_at.is_(None))
        done = update(job_steps).where(open_step).values(done_at=self._now(), **values)
        return connection.execute(done).rowcount == 1

    def _add_join_when_all_is_scored(self, connection: Connection, job_id: str) -> None:
        # Who finishes a step at the same time must see this one, or neither would see that all is scored.
        connection.execute(select(jobs.c.id).where(jobs.c.id == job_id).with_for_update())
        unscored = select(func.count()).where(job_steps.c.job_id == job_id, job_steps.c.done_at.is_(None))
        if connection.execute(unscored).scalar_one() == 0:
            connection.execute(insert(job_steps).values(job_id=job_id, kind="join", number=0, rows=0, attempts=0))

    def _sum_warnings(self, connection: Connection, job_id: str) -> dict[str, int]:
        kept = and_(job_steps.c.job_id == job_id, job_steps.c.warnings.is_not(None))
        total: dict[str, int] = {}
        for text in connection.execute(select(job_steps.c.warnings).where(kept)).scalars():
            for kind, count in orjson.loads(text).items():
                total[kind] = total.get(kind, 0) + count
        return total

    def _end(self, connection: Connection, job_id: str, outcome: Outcome, **values: Any) -> bool:
        open_job = and_(jobs.c.id == job_id, jobs.c.outcome.is_(None))
        ended = update(jobs).where(open_job).values(outcome=outcome, ended_at=self._now(), **values)
        if connection.execute(ended).rowcount != 1:
            return False
        add_to_count(connection, outcome)
        return True

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        """Raises Unavailable when the database does not answer."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except DATABASE_FAILURES as fault:
            raise Unavailable("Jobs cannot be read from the database at the moment.") from fault


def _is(step: Step) -> Any:
    return and_(job_steps.c.job_id == step.job_id, job_steps.c.kind == step.kind, job_steps.c.number == step.number)


def _read_job(row: dict[str, Any]) -> Job:
    refusal = orjson.loads(row["refusal"]) if row["refusal"] else None
    if refusal is not None:
        refusal["faults"] = tuple(FieldFault(**fault) for fault in refusal["faults"])
    return Job(
        **{
            **row,
            "refusal": refusal and PartRefusal(**refusal),
            "warnings": orjson.loads(row["warnings"]) if row["warnings"] else None,
        }
    )


def _describe_attempts(kind: str) -> str:
    what = {"cut": "The table could not be cut", "score": "A part could not be scored"}.get(kind, "No result was made")
    refusal = PartRefusal(
        "job_failed", f"{what}: {MOST_ATTEMPTS} attempts ended before their end; see the workers' logs."
    )
    return _write(asdict(refusal))


def _write(content: object) -> str:
    return orjson.dumps(content).decode()
