"""A table scored on the cores of this machine: one process cuts and puts together, others answer."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from typing import BinaryIO

from app.errors import ReleaseUnusable, Unavailable
from app.serving.formats.results import ResultLayout
from app.serving.scoring.assembly import find_part_type, open_assembly
from app.serving.scoring.order import Progress, ProgressWatcher, ReleaseChoice, ScoringRefused
from app.serving.scoring.parts import ROWS_OF_PART, TablePart, cut_table
from app.serving.scoring.scorer import PartRefusal, PartScorer, ScoredPart

# One to work on, and one to go on with at once.
_PARTS_OF_PROCESS = 2
# Each process has its core: threads that libraries start would take the others'.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

Outcome = ScoredPart | PartRefusal
AnswerParts = Callable[[Iterable[TablePart]], Iterator[Outcome]]


class LocalEngine:
    """Memory holds a few parts for each process, however long the table is. Results come in the order of the rows."""

    def __init__(self, choice: ReleaseChoice, *, processes: int, watcher: ProgressWatcher) -> None:
        self._choice = choice
        self._processes = processes
        self._watcher = watcher

    def score(
        self,
        source: BinaryIO,
        media_type: str,
        sink: BinaryIO,
        result_type: str,
        *,
        size: int | None = None,
        rows_of_part: int = ROWS_OF_PART,
    ) -> Progress:
        """Score a table.

        Args:
            size: Bytes of the source, to tell how much of it is done.

        Raises:
            ScoringRefused: at the first part that cannot be answered; what was written is of no use then.
            InvalidTable: when the table cannot be cut.
            ReleaseUnusable: when the release cannot be loaded.
        """
        started, progress = time.perf_counter(), Progress()
        layout, part_type = ResultLayout.of(self._choice.read_manifest()), find_part_type(result_type)
        with (
            _scoring_processes(self._choice, part_type, self._processes) as answer,
            # Closed in any case: what is left open writes its end when nothing is there any more to be written to.
            closing(open_assembly(sink, result_type, layout)) as assembly,
        ):
            for outcome in answer(cut_table(source, media_type, rows=rows_of_part)):
                if isinstance(outcome, PartRefusal):
                    raise ScoringRefused(outcome)
                assembly.append(outcome.content)
                progress.add(outcome)
                progress.seconds = time.perf_counter() - started
                progress.share = min(source.tell() / size, 1.0) if size else None
                self._watcher.show_progress(progress)
        return progress


@contextmanager
def _scoring_processes(choice: ReleaseChoice, part_type: str, processes: int) -> Iterator[AnswerParts]:
    """What answers parts in their order, by processes that end with the block; one alone is this process."""
    if processes == 1:
        scorer = PartScorer(choice.load(), part_type)
        yield lambda parts: map(scorer.score, parts)
        return
    # Forked, they would have the locks of threads that are not theirs.
    context = multiprocessing.get_context("spawn")
    with (
        _environment(_ONE_THREAD),
        ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(choice, part_type)) as pool,
    ):
        try:
            yield lambda parts: _answer_in_order(pool, parts, most=processes * _PARTS_OF_PROCESS)
        except BrokenProcessPool:
            raise Unavailable("A process that scored rows was ended from outside: was there memory enough?") from None
        finally:
            pool.shutdown(cancel_futures=True)


def _answer_in_order(pool: ProcessPoolExecutor, parts: Iterable[TablePart], *, most: int) -> Iterator[Outcome]:
    under_way: deque[Future[Outcome]] = deque()
    for part in parts:
        under_way.append(pool.submit(_score, part))
        if len(under_way) >= most:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Variables of the processes that are started in the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


# What a scoring process holds, or why it holds nothing: a pool hands its tasks nothing but what they are given.
_scorers: list[PartScorer | ReleaseUnusable] = []


def _begin(choice: ReleaseChoice, part_type: str) -> None:
    try:
        _scorers.append(PartScorer(choice.load(), part_type))
    except ReleaseUnusable as fault:
        # Raised here it would end the pool without a word.
        _scorers.append(fault)


def _score(part: TablePart) -> Outcome:
    scorer = _scorers[0]
    if isinstance(scorer, ReleaseUnusable):
        raise scorer
    return scorer.score(part)
