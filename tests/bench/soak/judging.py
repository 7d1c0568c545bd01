"""Whether workers grew: the arithmetic, and what is promised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from tests.bench.servers.processes import WorkerMemory

# Both are promised: the share for small workers, the size for large ones.
MOST_SHARE_ADDED = 0.05
MOST_MB_ADDED = 20.0
# As many readings are taken together, one for each version that becomes active in turn: they differ in size.
VERSIONS = 3
_BYTES_PER_MB = 1_000_000


@dataclass(frozen=True)
class Footprint:
    """What one worker takes at a moment at which no request is under way."""

    memory: WorkerMemory
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Reading:
    """All workers by their process ids, after so many requests and activations since the first reading."""

    requests: int
    activations: int
    workers: Mapping[int, Footprint]


@dataclass(frozen=True, kw_only=True)
class SoakResult:
    """Attributes: readings: The first one was made when the server was warm; unexpected: Statuses, and how often."""

    readings: Sequence[Reading]
    unexpected: Mapping[str, int]
    refused_activations: Sequence[str]

    def find_broken_promises(self) -> Iterator[str]:
        """What the run shows not to hold, one sentence each."""
        for what, count in self.unexpected.items():
            yield f"{count} requests were not answered as they should be: {what}"
        for what in self.refused_activations:
            yield f"an activation was refused: {what}"
        workers = self.readings[0].workers.keys()
        if any(reading.workers.keys() != workers for reading in self.readings):
            yield "a worker was replaced, and growth cannot be told"
            return
        for pid in workers:
            footprints = [reading.workers[pid] for reading in self.readings]
            yield from _find_growth(pid, _sum_up(footprints[:VERSIONS]), _sum_up(footprints[-VERSIONS:]))

    def list_bytes_per_request(self) -> list[float]:
        """How much the memory of each worker grew with a request that it answered, by a line through all readings."""
        workers = list(self.readings[0].workers)
        # Workers share the requests; which of them took one is not noted.
        own = [reading.requests / len(workers) for reading in self.readings]
        return [
            float(np.polyfit(own, [reading.workers[pid].memory.rss for reading in self.readings], 1)[0] * _BYTES_PER_MB)
            for pid in workers
        ]


def _sum_up(footprints: Sequence[Footprint]) -> Footprint:
    """The mean of memory, of which a moment tells little, and the most of all else."""
    memory = WorkerMemory(pss=fmean(it.memory.pss for it in footprints), rss=fmean(it.memory.rss for it in footprints))
    return Footprint(memory, max(it.descriptors for it in footprints), max(it.threads for it in footprints))


def _find_growth(pid: int, first: Footprint, last: Footprint) -> Iterator[str]:
    # Not PSS: it changes also when others come and go who map the same libraries.
    before, after = first.memory.rss, last.memory.rss
    if after > before * (1 + MOST_SHARE_ADDED) or after > before + MOST_MB_ADDED:
        yield f"worker {pid}: RSS grew from {before:.1f} to {after:.1f} MB, by {after / before - 1:.1%}"
    for name, few, many in (
        ("descriptors", first.descriptors, last.descriptors),
        ("threads", first.threads, last.threads),
    ):
        if many > few:
            yield f"worker {pid}: {name} grew from {few} to {many}"


def count_unexpected(answered: int, faults: Sequence[str], expected: Mapping[int, int]) -> Counter[str]:
    """Answers that are too many or too few of a status, and requests without an answer.

    Args:
        answered: How many were answered with 200.
        faults: Of the others, texts that begin with their status, where there is one.
        expected: How often each status has to come.
    """
    came = Counter({"200": answered}) + Counter(fault[:3] if fault[:3].isdigit() else fault for fault in faults)
    return came - Counter({str(status): count for status, count in expected.items()})
