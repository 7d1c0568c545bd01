"""Run in a process of its own: load a staged release as a worker does and print what it costs as JSON.

AutoGluon is not imported where there is a plan: its memory would be measured with it.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psutil

from app.errors import InvalidRows, ReleaseUnusable
from app.release.golden import read_golden_rows
from app.release.schema import FeatureSchema
from app.release.store import GOLDEN, PLAN
from app.release.verification import read_schema
from app.runtime.batching import BatchingExecutor
from app.runtime.cost_curve import measure_cost
from app.runtime.loading import Execution, load_native, replay_golden_rows
from app.runtime.predictions import Executor
from app.runtime.rows import RowValidator, TypedRow
from app.training.publication.mutations import mix_rows

_WARM_UP_CALLS = 5
_FEWEST_CALLS, _MOST_CALLS = 20, 3000
_BATCH_ROWS = 2000
_FEWEST_BATCHES, _MOST_BATCHES = 2, 10


def main(directory: str, most_seconds: str) -> None:
    staged = Path(directory)
    schema = read_schema(staged)
    rows = choose_valid_rows(schema, orjson.loads(sys.stdin.buffer.read()))
    executor, execution = open_executor(staged, schema, rows)
    golden_fault = find_golden_fault(executor, schema, staged / GOLDEN)
    latencies = measure_latencies(executor, rows, most_seconds=float(most_seconds))
    memory_mb = psutil.Process().memory_info().rss / 1e6
    found = {
        "memory_mb": memory_mb,
        "latency_ms": 1000 * statistics.median(latencies),
        "latency_p99_ms": 1000 * float(np.percentile(latencies, 99)),
        "rows_per_second": measure_rows_per_second(executor, rows, most_seconds=float(most_seconds)),
        "execution": execution,
        "golden_fault": golden_fault,
    }
    sys.stdout.write(f"\n{orjson.dumps(found).decode()}\n")


def choose_valid_rows(schema: FeatureSchema, rows: Sequence[Any]) -> list[TypedRow]:
    """Typed rows, those left out that a caller would be refused.

    Raises:
        ReleaseUnusable: when none is left.
    """
    validator = RowValidator(schema)
    typed: list[TypedRow] = []
    for row in rows:
        try:
            typed += validator.check([row]).rows
        except InvalidRows:
            continue
    if not typed:
        raise ReleaseUnusable("no row that it could be measured with fits its schema.")
    return typed


def open_executor(staged: Path, schema: FeatureSchema, rows: Sequence[TypedRow]) -> tuple[Executor, Execution]:
    if (staged / PLAN).is_dir():
        # Its libraries are loaded by what reads it; a native model must be measured without them.
        from app.runtime.plan.reading import read_plan

        return read_plan(staged / PLAN), "plan"
    native = load_native(staged, schema)
    return BatchingExecutor(native, measure_cost(native, rows)), "native"


def find_golden_fault(executor: Executor, schema: FeatureSchema, golden: Path) -> str | None:
    """How the answers to the golden rows differ from those of publication; None also when there are none to compare."""
    if not golden.exists():
        return None
    try:
        replay_golden_rows(executor, schema, read_golden_rows(golden), name="to be published")
    except ReleaseUnusable as fault:
        return str(fault)
    return None


def measure_latencies(executor: Executor, rows: Sequence[TypedRow], *, most_seconds: float) -> list[float]:
    """Seconds of each call with one row, the rows in turn, once warm."""
    seconds: list[float] = []
    deadline = time.perf_counter() + most_seconds
    for row in cycle(rows):
        started = time.perf_counter()
        executor.predict([row])
        seconds.append(time.perf_counter() - started)
        calls = len(seconds) - _WARM_UP_CALLS
        if calls >= _MOST_CALLS or (calls >= _FEWEST_CALLS and started > deadline):
            break
    return seconds[_WARM_UP_CALLS:]


def measure_rows_per_second(executor: Executor, rows: Sequence[TypedRow], *, most_seconds: float) -> float:
    """By the median batch, once warm. Rows of it differ: equal ones are computed once."""
    batch = mix_rows(rows, _BATCH_ROWS)
    seconds: list[float] = []
    deadline = time.perf_counter() + most_seconds
    while len(seconds) <= _FEWEST_BATCHES or (len(seconds) <= _MOST_BATCHES and time.perf_counter() < deadline):
        started = time.perf_counter()
        executor.predict(batch)
        seconds.append(time.perf_counter() - started)
    return _BATCH_ROWS / statistics.median(seconds[1:])


if __name__ == "__main__":
    main(*sys.argv[1:])
