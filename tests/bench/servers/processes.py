"""What the kernel tells of a process: when it started, and its memory."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_START_FIELD = 19  # Of /proc/PID/stat, counted from the state behind the name in brackets: see man 5 proc.
_MB = 1_000_000


@dataclass(frozen=True)
class WorkerMemory:
    """In MB. `pss` shares pages that several processes map among them; `rss` counts them for each."""

    pss: float
    rss: float


def measure_memory(pid: int) -> WorkerMemory:
    memory = psutil.Process(pid).memory_full_info()
    return WorkerMemory(memory.pss / _MB, memory.rss / _MB)


def read_start_time(pid: int) -> float:
    """When a process started, in seconds of time.time(), to a hundredth; psutil's is exact to a second only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[_START_FIELD]) / _TICKS_PER_SECOND
    return time.time() - age
