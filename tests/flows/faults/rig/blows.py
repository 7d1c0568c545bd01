"""What is done to processes, and how long it takes until all is as before."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from tests.flows.faults.rig.installation import PATIENCE_SECONDS, WORKERS, Installation
from tests.flows.faults.rig.traffic import Blow

_SECONDS_BETWEEN_LOOKS = 0.01


def kill(pid: int) -> Blow:
    blow = Blow(pid, time.perf_counter())
    os.kill(pid, signal.SIGKILL)
    return blow


def measure_seconds(holds: Callable[[], bool], since: float, *, patience: float = PATIENCE_SECONDS) -> float | None:
    """Seconds from a moment of time.perf_counter() until something holds; None when it does not."""
    while not holds():
        if time.perf_counter() > since + patience:
            return None
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    return time.perf_counter() - since


def measure_replacement(
    installation: Installation, gone: Sequence[int], since: float, *, patience: float = PATIENCE_SECONDS
) -> float | None:
    """Seconds until all workers serve and none of those is among them: for a moment a killed one counts as living."""

    def is_replaced() -> bool:
        serving = installation.list_serving()
        return len(serving) == WORKERS and not set(serving) & set(gone)

    return measure_seconds(is_replaced, since, patience=patience)


def measure_loss(
    installation: Installation, before: Sequence[int], since: float, *, patience: float = PATIENCE_SECONDS
) -> float | None:
    """Seconds until all workers serve and one of those that did before is not among them."""

    def has_lost_one() -> bool:
        serving = installation.list_serving()
        return len(serving) == WORKERS and bool(set(before) - set(serving))

    return measure_seconds(has_lost_one, since, patience=patience)


def list_processes_of(home: Path) -> list[psutil.Process]:
    """All processes that keep their state in a home."""
    return [
        process
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get("GLUONSERVE_HOME") == str(home)
    ]


def describe_seconds(seconds: Sequence[float]) -> str:
    if not seconds:
        return "never"
    middle = sorted(seconds)[len(seconds) // 2]
    return f"{middle:.2f} s, slowest {max(seconds):.2f} s (n = {len(seconds)})"
