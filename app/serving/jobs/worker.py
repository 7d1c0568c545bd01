"""What a worker does with a job: one step at a time, each of which may be done twice without any harm."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import BinaryIO

from app.errors import Forbidden, ReleaseUnusable, ServiceError, TooLarge, Unavailable
from app.runtime.loading import LoadedRelease
from app.serving.formats.results import ResultLayout
from app.serving.jobs.files import JobFiles
from app.serving.jobs.job import Job, Step
from app.serving.jobs.store import JobStore
from app.serving.scoring.assembly import find_part_type, open_assembly
from app.serving.scoring.parts import ROWS_OF_PART, TablePart, cut_table
from app.serving.scoring.places import opened_table
from app.serving.scoring.scorer import PartRefusal, PartScorer

logger = logging.getLogger(__name__)

LoadVersion = Callable[[str], LoadedRelease]


class JobWorker:
    """Advances jobs in the name of one process.

    Args:
        load_version: Gives the release of a version, and had better remember the last one.
        is_revoked: Tells of an API key whether it is one no more. What it has handed in then fails at its next step:
            whoever revokes a key wants nothing more to be done for it.
        owner: What tells this process from all others.
        most_bytes: What the parts of a table may take together.
        rows_of_part: How many rows are scored at a time, and again when a worker is killed meanwhile.
    """

    def __init__(
        self,
        store: JobStore,
        files: JobFiles,
        load_version: LoadVersion,
        *,
        is_revoked: Callable[[str], bool],
        owner: str,
        most_bytes: int,
        rows_of_part: int = ROWS_OF_PART,
    ) -> None:
        self._store = store
        self._files = files
        self._load_version = load_version
        self._is_revoked = is_revoked
        self._owner = owner
        self._most_bytes = most_bytes
        self._rows_of_part = rows_of_part

    def advance(self, job_id: str) -> bool:
        """Do one step of a job; tell whether there may be another one.

        What goes wrong for reasons that may pass, such as a full disk, is logged, and the step is anybody's again when
        its claim has run out.
        """
        step = self._store.claim(job_id, self._owner)
        # Read after it: who did the step before has written what is needed now.
        job = None if step is None else self._store.find(job_id)
        if job is None or step is None:
            return False
        try:
            self._do(job, step)
        except (OSError, Unavailable):
            if not self._has_ended(job_id):
                logger.exception("Job %s: %s %d failed and will be done again.", job_id, step.kind, step.number)
            return False
        except ServiceError as refusal:
            self._fail(job, PartRefusal(refusal.code, refusal.detail))
            return False
        except ReleaseUnusable as fault:
            self._fail(job, PartRefusal("release_refused", fault.sentence))
            return False
        return True

    def _do(self, job: Job, step: Step) -> None:
        if self._is_revoked(job.key_id):
            raise Forbidden("The API key that handed the job in was revoked.", code="key_revoked")
        {"cut": self._cut, "score": self._score, "join": self._join}[step.kind](job, step)

    def _cut(self, job: Job, step: Step) -> None:
        with self._opened_input(job) as file:
            parts = cut_table(file, job.media_type, rows=self._rows_of_part)
            place, rows = self._files.write_parts(job.id, self._bound(parts))
        self._store.finish_cut(step, place, rows)

    @contextmanager
    def _opened_input(self, job: Job) -> Iterator[BinaryIO]:
        if job.address is None:
            with self._files.input(job.id).open("rb") as file:
                yield file
        else:
            with opened_table(job.address, media_type=job.media_type) as table:
                yield table.file

    def _bound(self, parts: Iterable[TablePart]) -> Iterator[TablePart]:
        """A table at an address, or one that is compressed, has a length that nobody knows before."""
        size = 0
        for part in parts:
            size += len(part.body)
            if size > self._most_bytes:
                raise TooLarge(f"The table of a job may take {self._most_bytes / 1_000_000:g} MB; this one takes more.")
            yield part

    def _score(self, job: Job, step: Step) -> None:
        scorer = PartScorer(
            self._load_version(job.version),
            find_part_type(job.result_type),
            name_rows=lambda first_row, count: name_rows(job.id, first_row, count),
        )
        outcome = scorer.score(self._files.read_part(job.id, str(job.parts), step.number))
        if isinstance(outcome, PartRefusal):
            self._fail(job, outcome)
            return
        self._files.write_part_result(job.id, step.number, outcome.content)
        self._store.finish_score(step, outcome.warnings)

    def _join(self, job: Job, step: Step) -> None:
        layout = ResultLayout.of(self._load_version(job.version).manifest, has_ids=True)
        with (
            self._files.written_result(job.id) as sink,
            closing(open_assembly(sink, job.result_type, layout)) as assembly,
        ):
            for content in self._files.iterate_part_results(job.id, self._store.count_parts(job.id)):
                assembly.append(content)
        if self._store.finish_join(step):
            self._files.keep_result_only(job.id)
            logger.info("Job %s is done: %s rows.", job.id, job.rows)

    def _fail(self, job: Job, refusal: PartRefusal) -> None:
        if self._store.fail(job.id, refusal):
            logger.warning("Job %s failed (%s).", job.id, refusal.code)
            self._files.delete(job.id)

    def _has_ended(self, job_id: str) -> bool:
        """Whether files are missing because nobody needs them any more."""
        job = self._store.find(job_id)
        return job is None or job.outcome is not None


def name_rows(job_id: str, first_row: int, count: int) -> Sequence[str]:
    """The prediction identifiers of a job's rows: the same however often a part is scored."""
    return [f"{job_id[:24]}-{number}" for number in range(first_row, first_row + count)]
