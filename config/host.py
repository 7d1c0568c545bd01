"""How many workers and threads suit this host and the active release. Nothing here imports the service."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import zstandard

from config.cgroups import Limit, list_core_limits, list_memory_limits

_MB = 1e6
# What a worker that executes a compiled plan may take.
_PLAN_WORKER_MB = 150
# A worker that runs AutoGluon: 300 MB of libraries, and 1.5 times the predictor's size uncompressed (measured with
# predictors of 106 and 678 MB). Twice that, because the next version is loaded beside the present one.
_NATIVE_WORKER_MB = 300
_NATIVE_FACTOR = 2 * 1.5
# The rest is for the monitor, the page cache and the memory of requests under way.
_SHARE_OF_MEMORY = 0.8
_MOST_WORKERS = 256
_LONGEST_FRAME_HEADER = 18

# Threads are what can be joined into one pass of AutoGluon, and a pass of 16 rows takes hardly longer than one of a
# single row. A plan answers in less than a millisecond and holds the interpreter meanwhile: more threads would not make
# it faster, and the requests they hold would die with their worker.
_PLAN_THREADS = 4
_NATIVE_THREADS = 16

Execution = Literal["plan", "native"]


@dataclass(frozen=True, kw_only=True)
class Host:
    """What this process may use: cores, of which a fraction is a share of one, and bytes of memory."""

    cores: Limit
    memory: Limit


@dataclass(frozen=True, kw_only=True)
class ReleaseFootprint:
    """How the active release will be executed and how large it is; `execution` is None when nothing is active."""

    execution: Execution | None
    native_mb: float = 0.0

    @property
    def worker_mb(self) -> float:
        if self.execution == "plan":
            return _PLAN_WORKER_MB
        return _NATIVE_WORKER_MB + _NATIVE_FACTOR * self.native_mb

    def describe(self) -> str:
        needs = f"about {self.worker_mb / 1000:.2g} GB a worker"
        if self.execution == "plan":
            return f"a compiled plan needs {needs}"
        if self.execution == "native":
            return f"a native release of {self.native_mb:.0f} MB needs {needs}"
        return f"no release is active and a native one would need at least {needs}"


@dataclass(frozen=True, kw_only=True)
class HostPlan:
    """What is chosen when no setting says otherwise, and why."""

    workers: int
    threads: int
    reason: str


def read_host(root: Path = Path("/")) -> Host:
    """The tightest limit of each kind that holds for this process."""
    affinity = Limit(len(os.sched_getaffinity(0)), "processor affinity")
    physical = Limit(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), "physical memory")
    return Host(
        cores=min([affinity, *list_core_limits(root)], key=lambda limit: limit.amount),
        memory=min([physical, *list_memory_limits(root)], key=lambda limit: limit.amount),
    )


def read_footprint(models: Path, *, prefer: Execution = "plan") -> ReleaseFootprint:
    """Look at the active release without opening it; whatever cannot be read is told when it is loaded."""
    try:
        version = json.loads((models / "ACTIVE").read_bytes())["version"]
        release = models / str(int(version))
        if prefer == "plan" and (release / "plan").is_dir():
            return ReleaseFootprint(execution="plan")
        native_mb = _read_unpacked_bytes(release / "native.tar.zst") / _MB
    except (OSError, ValueError, LookupError, TypeError, zstandard.ZstdError):
        return ReleaseFootprint(execution=None)
    return ReleaseFootprint(execution="native" if native_mb > 0 else None, native_mb=max(native_mb, 0.0))


def _read_unpacked_bytes(archive: Path) -> int:
    """What the first bytes of an archive say; the manifest says it too, but is not read before its signature is.

    Raises:
        OSError, ZstdError: when there is no such file, or it is not an archive.
    """
    # Nobody has looked at the release yet: a FIFO in place of the file must not block the start, nor a link lead on.
    descriptor = os.open(archive, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        return zstandard.frame_content_size(os.read(descriptor, _LONGEST_FRAME_HEADER))
    finally:
        os.close(descriptor)


def plan_host(host: Host, footprint: ReleaseFootprint) -> HostPlan:
    """One worker per core, as far as memory goes, and at least one.

    Half a core and more counts as one: with 1.5 cores a single worker would leave a third of them idle for good, while
    two are throttled only when both are busy at once.
    """
    by_cores = max(1, int(host.cores.amount + 0.5))
    by_memory = max(1, int(_SHARE_OF_MEMORY * host.memory.amount / _MB / footprint.worker_mb))
    reason = (
        f"{host.cores.amount:.3g} cores by {host.cores.source}, "
        f"{host.memory.amount / 1e9:.3g} GB by {host.memory.source}, {footprint.describe()}"
    )
    if by_memory < by_cores:
        reason += ", so memory sets the number of workers"
    return HostPlan(
        workers=min(by_cores, by_memory, _MOST_WORKERS),
        threads=_PLAN_THREADS if footprint.execution == "plan" else _NATIVE_THREADS,
        reason=reason,
    )


def describe_choice(plan: HostPlan, *, workers: int, threads: int) -> str:
    """One line for the log: what runs, what the host suggested where that differs, and why."""
    chosen = f"{_count(workers, 'worker')}{_suggested(workers, plan.workers)} x "
    chosen += f"{_count(threads, 'thread')}{_suggested(threads, plan.threads)}"
    return f"{chosen}: {plan.reason}; WEB_CONCURRENCY and GLUONSERVE_THREADS override."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _suggested(chosen: int, planned: int) -> str:
    return "" if chosen == planned else f" (set; the host suggests {planned})"
