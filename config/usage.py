"""How much of the processor and of the memory that this process may use is in use, by whomever."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from config.cgroups import read_core_seconds, read_used_bytes
from config.host import read_host


@dataclass(frozen=True)
class Usage:
    """Attributes: cpu_percent: Since the last measurement."""

    cpu_percent: float
    memory_percent: float


class UsageMeter:
    """Measures against the tightest limit: in a container its own, on a machine the cores and memory there are."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._host = read_host(root)
        # psutil measures from call to call as well.
        psutil.cpu_percent(percpu=True)
        self._core_seconds, self._at = self._read_core_seconds(), time.monotonic()

    def measure(self) -> Usage:
        return Usage(round(self._measure_cpu(), 1), round(self._measure_memory(), 1))

    def _measure_cpu(self) -> float:
        used, now = self._read_core_seconds(), time.monotonic()
        if used is None or self._core_seconds is None:
            percents = psutil.cpu_percent(percpu=True)
            ours = [percents[core] for core in os.sched_getaffinity(0) if core < len(percents)]
            return sum(ours) / max(1, len(ours))
        share = (used - self._core_seconds) / max(1e-3, (now - self._at) * self._host.cores.amount)
        self._core_seconds, self._at = used, now
        return 100 * share

    def _measure_memory(self) -> float:
        used = read_used_bytes(self._root) if self._host.memory.source.startswith("cgroup") else None
        return psutil.virtual_memory().percent if used is None else 100 * used / self._host.memory.amount

    def _read_core_seconds(self) -> float | None:
        is_quota = self._host.cores.source in ("cgroup cpu.max", "cgroup cpu.cfs_quota_us")
        return read_core_seconds(self._root) if is_quota else None
