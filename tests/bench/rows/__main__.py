"""`python -m tests.bench.rows`: a million rows by `gluonserve predict`, beside the bare plan in process."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click
import orjson
import psutil

from tests.bench.command import bench_command, end_with, say
from tests.bench.rows.bare import measure_bare_plan, measure_together
from tests.bench.rows.table import Prepared, prepare, write_csv

LEAST_SHARE = 0.8
MOST_GROWTH = 0.1
_MB = 1e6


@dataclass(frozen=True)
class Figures:
    """Rows per second of the command and of the bare plan.

    Attributes:
        share: Of the bare plan's rows per second times the cores; the same by processor time.
        share_of_processes_at_once: Of what as many bare plans as there are cores do at the same time: two that share a
            machine are not twice as fast as one.
    """

    rows: int
    cores: int
    seconds: float
    rows_per_second: float
    bare_rows_per_second: float
    share: float
    share_by_processor_time: float
    bare_rows_per_second_of_processes_at_once: float
    share_of_processes_at_once: float
    bare_with_check_rows_per_second: float
    memory_mb_at_a_fifth: float
    memory_mb_at_most: float


@bench_command(
    epilog="Exit code 1: a promise does not hold. Example: python -m tests.bench.rows --rows 1000000",
    quick="100,000 rows of a tiny model.",
)
@click.option("--rows", default=1_000_000, show_default=True)
@click.option("--cores", default=len(os.sched_getaffinity(0)), show_default=True)
def main(quick: bool, rows: int, cores: int, predictors: Path, cache: Path) -> None:
    """Some minutes."""
    prepared = prepare(predictors, cache, quick=quick)
    with tempfile.TemporaryDirectory(dir=cache, prefix="rows-") as place:
        figures = measure(prepared, Path(place), rows=100_000 if quick else rows, cores=cores)
    click.echo(orjson.dumps(asdict(figures), option=orjson.OPT_INDENT_2).decode())
    end_with(find_broken_promises(figures))


def measure(prepared: Prepared, place: Path, *, rows: int, cores: int) -> Figures:
    say(f"writing {rows:,} rows")
    write_csv(place / "rows.csv", prepared.rows, rows)
    before, together_before = measure_bare_plan(prepared), measure_together(prepared, cores)
    say("gluonserve predict")
    used, started = _processor_seconds(), time.perf_counter()
    memory = list(run_predict(prepared, place, cores))
    seconds, processor = time.perf_counter() - started, _processor_seconds() - used
    # The machine is never equally fast for long: before and after.
    after, together_after = measure_bare_plan(prepared), measure_together(prepared, cores)
    bare, together = median([before.rows_per_second, after.rows_per_second]), median([together_before, together_after])
    return Figures(
        rows=rows,
        cores=cores,
        seconds=seconds,
        rows_per_second=rows / seconds,
        bare_rows_per_second=bare,
        share=rows / seconds / (bare * cores),
        share_by_processor_time=median([before.processor_seconds, after.processor_seconds]) / (processor / rows),
        bare_rows_per_second_of_processes_at_once=together,
        share_of_processes_at_once=rows / seconds / together,
        bare_with_check_rows_per_second=median([before.with_check, after.with_check]),
        memory_mb_at_a_fifth=memory[len(memory) // 5],
        memory_mb_at_most=max(memory),
    )


def run_predict(prepared: Prepared, place: Path, processes: int) -> Iterator[float]:
    """Score the table; yield the memory of all processes together now and then, in MB."""
    settings = {
        "MODEL_PATH": str(prepared.models),
        "GLUONSERVE_HOME": str(place),
        "GLUONSERVE_UNSIGNED_RELEASES": "allow",
    }
    names = [str(place / "rows.csv"), str(place / "scores.csv")]
    command = [sys.executable, "-m", "app.cli", "predict", *names, "--processes", str(processes)]
    with subprocess.Popen(command, env={**os.environ, **settings}) as process:
        while process.poll() is None:
            yield _measure_memory(psutil.Process(process.pid))
            # A look at all processes takes a core for some milliseconds.
            time.sleep(1)
    if process.returncode:
        raise click.ClickException("gluonserve predict failed.")


def _measure_memory(process: psutil.Process) -> float:
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.Error:
            continue
    return total / _MB


def _processor_seconds() -> float:
    used: Any = resource.getrusage(resource.RUSAGE_CHILDREN)
    return float(used.ru_utime + used.ru_stime)


def find_broken_promises(figures: Figures) -> Iterator[str]:
    if figures.share < LEAST_SHARE:
        yield f"gluonserve predict reaches {figures.share:.0%} of the bare plan times cores, not {LEAST_SHARE:.0%}."
    if figures.memory_mb_at_most > figures.memory_mb_at_a_fifth * (1 + MOST_GROWTH):
        yield "Memory grows with the rows."


if __name__ == "__main__":
    main()
