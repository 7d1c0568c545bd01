"""Real worker processes: `gluonserve worker` beside an installation, which can be killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.server import stop


@contextmanager
def running_worker(home: Path, environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A worker until the end of the block, unless it is killed before."""
    variables = {**os.environ, "GLUONSERVE_HOME": str(home), **(environment or {})}
    command = [sys.executable, "-m", "app.cli", "worker"]
    with (home / "worker.log").open("ab") as output:
        process = subprocess.Popen(command, env=variables, stdout=output, stderr=output)
    try:
        yield process
    finally:
        stop(process)
