"""What a release costs where it is served: megabytes on disk and in memory, milliseconds a row, rows a second."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from app.release.files import list_files
from app.release.schema import Scalar
from app.training.gate import footprint_probe
from app.training.refusals import TrainingRefused

# Where the package `app` lies, also when it is run from a checkout.
_SOURCE = Path(__file__).parents[3]
_PROBE_SECONDS = 600
_MOST_ROWS = 500
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Of a staged release in a process of its own with one thread, by its plan or, without one, by AutoGluon.

    Attributes:
        size_mb: Of all its files.
        memory_mb: Resident memory of the process after it has answered some rows.
        latency_ms: Median time to predict one typed row; what HTTP adds is not in it.
        latency_p99_ms: The time that one row in a hundred exceeds.
        rows_per_second: In batches of 2000 rows that differ.
        execution: "plan" or "native".
    """

    size_mb: float
    memory_mb: float
    latency_ms: float
    latency_p99_ms: float
    rows_per_second: float
    execution: str


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What came of loading a staged release in a process of its own.

    Attributes:
        footprint: None when it could not be loaded or broke.
        load_fault: Why it could not be loaded or broke, in one sentence.
        golden_fault: How its answers to the golden rows differ from those of publication, in one sentence.
    """

    footprint: Footprint | None = None
    load_fault: str | None = None
    golden_fault: str | None = None


def measure_footprint(
    staged: Path, rows: Sequence[Mapping[str, Scalar | None]], *, most_seconds: float = 2.0
) -> Footprint:
    """Measure a directory with a schema and a plan or a native model, as it will be served.

    Args:
        rows: Rows as a caller would send them; those that the schema refuses are left out.
        most_seconds: How long one-row calls are timed, and batches again as long; a few are made in any case.

    Raises:
        TrainingRefused: when it cannot be loaded, does not answer, or no row fits its schema.
    """
    trial = try_release(staged, rows, most_seconds=most_seconds)
    if trial.footprint is None:
        raise TrainingRefused(str(trial.load_fault))
    return trial.footprint


def try_release(staged: Path, rows: Sequence[Mapping[str, Scalar | None]], *, most_seconds: float = 2.0) -> Trial:
    """Load a staged release in a new process as a worker does, replay its golden rows if it has some, and measure."""
    try:
        found = _run_probe(staged, rows[:_MOST_ROWS], most_seconds)
    except subprocess.TimeoutExpired:
        return Trial(load_fault=f"The model did not load and answer within {_PROBE_SECONDS} s in a new process.")
    except subprocess.CalledProcessError as fault:
        lines = fault.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1].removeprefix("app.errors.ReleaseUnusable: ") if lines else f"exit code {fault.returncode}"
        return Trial(load_fault=f"The model fails in a new process: {reason}")
    golden_fault = found.pop("golden_fault")
    size = sum((staged / path).stat().st_size for path in list_files(staged))
    return Trial(footprint=Footprint(size_mb=size / 1e6, **found), golden_fault=golden_fault)


def _run_probe(staged: Path, rows: Sequence[Mapping[str, Scalar | None]], most_seconds: float) -> dict[str, Any]:
    path = os.pathsep.join(filter(None, [str(_SOURCE), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", footprint_probe.__name__, str(staged), str(most_seconds)],
        env={**os.environ, **_ONE_THREAD, "PYTHONPATH": path},
        input=orjson.dumps(rows, option=orjson.OPT_SERIALIZE_NUMPY),
        capture_output=True,
        timeout=_PROBE_SECONDS,
        check=True,
    )
    found: dict[str, Any] = orjson.loads(done.stdout.splitlines()[-1])
    return found
