"""What a predictor costs where it is served: megabytes on disk, megabytes of memory and milliseconds for one row."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from autogluon.tabular import TabularPredictor

from app.training.gate import footprint_probe
from app.training.refusals import TrainingRefused

# Where the package `app` lies, also when it is run from a checkout.
_SOURCE = Path(__file__).parents[3]
_PROBE_SECONDS = 600
_PROBE_ROWS = 20
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


@dataclass(frozen=True)
class Footprint:
    """Of the best model alone, without training leftovers: what a release will hold."""

    size_mb: float
    memory_mb: float
    latency_ms: float


def measure_footprint(predictor: TabularPredictor, held_out: pd.DataFrame, *, workspace: Path) -> Footprint:
    """Clone the predictor for deployment, load the clone in a fresh process with one thread, and measure there.

    Raises:
        TrainingRefused: when the clone cannot be loaded or does not answer.
    """
    clone = workspace / "clone"
    predictor.clone_for_deployment(str(clone))
    rows = workspace / "rows.pkl"
    held_out.head(_PROBE_ROWS).drop(columns=predictor.label).to_pickle(rows)
    measured = _run_probe(clone, rows)
    size = sum(path.stat().st_size for path in clone.rglob("*") if path.is_file())
    return Footprint(size_mb=size / 1e6, memory_mb=measured["memory_mb"], latency_ms=measured["latency_ms"])


def _run_probe(clone: Path, rows: Path) -> dict[str, float]:
    path = os.pathsep.join(filter(None, [str(_SOURCE), os.environ.get("PYTHONPATH")]))
    try:
        done = subprocess.run(
            [sys.executable, "-m", footprint_probe.__name__, str(clone), str(rows)],
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise TrainingRefused(
            f"The model did not load and answer within {_PROBE_SECONDS} s in a new process."
        ) from None
    except subprocess.CalledProcessError as fault:
        reason = (fault.stderr.strip().splitlines() or [f"exit code {fault.returncode}"])[-1]
        raise TrainingRefused(f"The model fails in a new process: {reason}") from None
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured
