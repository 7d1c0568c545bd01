"""Partitioned Parquet scored on a cluster by Ray Data, with one loaded release in each actor."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from app.errors import BadRequest
from app.serving.formats.media_types import ARROW_STREAM
from app.serving.scoring.order import Progress, ReleaseChoice, ScoringRefused
from app.serving.scoring.parts import ROWS_OF_PART, TablePart
from app.serving.scoring.scorer import PartRefusal, PartScorer

if TYPE_CHECKING:
    import pyarrow

# What reads and writes asks for a whole core, which actors that had asked for theirs would never leave.
_CORES_OF_ACTOR = 0


class RayEngine:
    """Runs on the cluster that RAY_ADDRESS names, else on this machine. All machines see releases at the same path."""

    def __init__(self, choice: ReleaseChoice, *, actors: int | None = None) -> None:
        """Args: actors: How many hold the release; one for each core of the cluster otherwise."""
        self._choice = choice
        self._actors = actors

    def score(self, source: str, result: str) -> Progress:
        """Score the Parquet files at an address into Parquet files below another, in the order of the rows.

        Raises:
            ScoringRefused: when rows cannot be answered; files that were written are of no use then.
            BadRequest: when Ray is not there, or cannot read or write.
        """
        started = time.perf_counter()
        ray = _import_ray()
        if not ray.is_initialized():
            ray.init(log_to_driver=False, logging_level="ERROR")
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        actors = self._actors or max(1, int(ray.cluster_resources().get("CPU", 1)))
        try:
            scored = ray.data.read_parquet(source).map_batches(
                PartActor,
                batch_format="pyarrow",
                batch_size=ROWS_OF_PART,
                fn_constructor_args=(self._choice,),
                compute=ray.data.ActorPoolStrategy(size=actors),
                num_cpus=_CORES_OF_ACTOR,
                scheduling_strategy="SPREAD",
            )
            scored.write_parquet(result)
        except (ray.exceptions.RayError, OSError, ValueError) as fault:
            raise _describe_failure(fault) from None
        rows = ray.data.read_parquet(result).count()
        return Progress(rows=rows, seconds=time.perf_counter() - started, share=1.0)


class PartActor:
    """Answers batches of a table with the release that it has loaded."""

    def __init__(self, choice: ReleaseChoice) -> None:
        self._scorer = PartScorer(choice.load(), ARROW_STREAM)

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        """Raises ScoringRefused; its rows are counted within the batch."""
        import pyarrow

        ipc: Any = pyarrow.ipc
        sink = pyarrow.BufferOutputStream()
        with ipc.new_stream(sink, batch.schema) as stream:
            # Ray may have put it together from several files; parts are one.
            stream.write_table(batch.combine_chunks())
        part = TablePart(0, 0, batch.num_rows, ARROW_STREAM, b"", sink.getvalue().to_pybytes(), 0)
        outcome = self._scorer.score(part)
        if isinstance(outcome, PartRefusal):
            raise ScoringRefused(outcome)
        answered: pyarrow.Table = ipc.open_stream(outcome.content).read_all()
        return answered


def _import_ray() -> Any:
    # Seconds, and an extra that most installations do without.
    try:
        import ray
        import ray.data
    except ImportError:
        raise BadRequest("Ray is not installed: pip install 'gluonserve[ray]'.") from None
    return ray


def _describe_failure(fault: BaseException) -> BadRequest | ScoringRefused:
    """Find what an actor said below what Ray made of it."""
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ScoringRefused):
            return cause
        cause = getattr(cause, "cause", None) or cause.__cause__
    return BadRequest(f"Ray could not score the table ({type(fault).__name__}): {str(fault).strip().splitlines()[-1]}")
