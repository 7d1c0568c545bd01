"""The bare plan: typed rows in memory and nothing but the executor, alone and in as many processes as cores."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import Any

from app.release.signing import Trust
from app.release.store import ReleaseStore
from app.runtime.loading import LoadedRelease, load_release
from app.serving.scoring.parts import ROWS_OF_PART
from tests.bench.rows.table import Prepared, vary_rows

_PARTS = 2
_PARTS_TOGETHER = 6
_ROWS = _PARTS * ROWS_OF_PART


@dataclass(frozen=True)
class BarePlan:
    """What one process does that has the rows in memory.

    Attributes:
        rows_per_second: Of the plan alone.
        with_check: Rows per second of check and plan.
        processor_seconds: Of the plan alone, a row.
    """

    rows_per_second: float
    with_check: float
    processor_seconds: float


def measure_bare_plan(prepared: Prepared) -> BarePlan:
    release, parts = _load(prepared), _make_parts(prepared, _PARTS)
    typed = [release.validator.check(part).rows for part in parts]
    started, used = time.perf_counter(), time.process_time()
    for one in typed:
        release.executor.predict(one)
    of_plan, processor = time.perf_counter() - started, time.process_time() - used
    started = time.perf_counter()
    for part in parts:
        release.executor.predict(release.validator.check(part).rows)
    return BarePlan(_ROWS / of_plan, _ROWS / (time.perf_counter() - started), processor / _ROWS)


def measure_together(prepared: Prepared, processes: int) -> float:
    """Rows per second of all of so many processes that execute the bare plan at the same time."""
    context = multiprocessing.get_context("spawn")
    # As in processes that score a table.
    os.environ["OMP_NUM_THREADS"] = "1"
    barrier, seconds = context.Barrier(processes), context.SimpleQueue()
    started = [context.Process(target=_execute, args=(prepared, barrier, seconds)) for _ in range(processes)]
    for process in started:
        process.start()
    found: list[float] = [seconds.get() for _ in started]
    for process in started:
        process.join()
    return sum(_PARTS_TOGETHER * ROWS_OF_PART / one for one in found)


def _execute(prepared: Prepared, barrier: Barrier, seconds: Any) -> None:
    release = _load(prepared)
    typed = [release.validator.check(part).rows for part in _make_parts(prepared, _PARTS_TOGETHER)]
    barrier.wait()
    started = time.perf_counter()
    for one in typed:
        release.executor.predict(one)
    seconds.put(time.perf_counter() - started)


def _load(prepared: Prepared) -> LoadedRelease:
    store = ReleaseStore(prepared.models)
    pointer = store.active()
    assert pointer is not None
    return load_release(store.directory(pointer.version), trust=Trust(unsigned="allow"))


def _make_parts(prepared: Prepared, count: int) -> Sequence[list[dict[str, Any]]]:
    rows = list(vary_rows(prepared.rows, count * ROWS_OF_PART))
    return [rows[start : start + ROWS_OF_PART] for start in range(0, len(rows), ROWS_OF_PART)]
