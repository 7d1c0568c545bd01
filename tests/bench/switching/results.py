"""What a run finds, as figures, and which of the promises hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tests.bench.load.open_loop import Answer
from tests.bench.servers.processes import WorkerMemory
from tests.bench.switching.judging import OK, Faults
from tests.bench.switching.operator import Call
from tests.bench.switching.scope import FIRST_MEMORY, LAST_MEMORY

MOST_P99_ADDED_MS = 20.0
MOST_LATENCY_MS = 100.0
MOST_MEMORY_ADDED = 0.05
# Later than this the generator itself was not on time.
_LATE_MS = 5.0
_MOST_FAULTS_KEPT = 5


@dataclass(frozen=True)
class Phase:
    """Moments are those of time.perf_counter()."""

    kind: str
    began: float
    ended: float


@dataclass(frozen=True, kw_only=True)
class PhaseResult:
    """All requests that were due in phases of one kind.

    Attributes:
        late_starts: How many the generator began more than 5 ms after they were due; their latency counts all the same.
        examples: A few words on what went wrong.
    """

    kind: str
    requests: int
    failed: int
    mixed: int
    old: int
    late_starts: int
    p50_ms: float
    p99_ms: float
    slowest_ms: float
    examples: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class SwitchingResult:
    """What one server did.

    Attributes:
        capacity: Requests a second of the closed loop.
        rate: Requests a second of the open one.
        memory: Of each worker, by the number of activations that it had behind it.
    """

    execution: str
    capacity: float
    rate: float
    phases: Sequence[PhaseResult]
    calls: Sequence[Call]
    memory: Mapping[int, Sequence[WorkerMemory]]

    @property
    def memory_added(self) -> float | None:
        """The share by which the workers' memory grew from the third to the fiftieth activation."""
        if not {FIRST_MEMORY, LAST_MEMORY} <= self.memory.keys():
            return None
        before, after = (sum(worker.pss for worker in self.memory[count]) for count in (FIRST_MEMORY, LAST_MEMORY))
        return after / before - 1

    def list_seconds(self, action: str) -> list[float]:
        """How long successful calls took."""
        return [call.seconds for call in self.calls if call.action == action and call.status == OK]

    def find_broken_promises(self) -> Iterator[str]:
        """What the run shows not to hold, one sentence each."""
        quiet, *others = self.phases
        for phase in self.phases:
            for name, count in (("failed", phase.failed), ("mixed", phase.mixed), ("old", phase.old)):
                if count:
                    yield f"{phase.kind}: {count} of {phase.requests} answers {name}: {'; '.join(phase.examples)}"
        for phase in others:
            if phase.p99_ms > quiet.p99_ms + MOST_P99_ADDED_MS:
                yield f"{phase.kind}: p99 is {phase.p99_ms:.0f} ms, without switching it is {quiet.p99_ms:.0f} ms"
            if phase.slowest_ms > max(MOST_LATENCY_MS, quiet.slowest_ms):
                yield f"{phase.kind}: the slowest answer took {phase.slowest_ms:.0f} ms"
        if (self.memory_added or 0) > MOST_MEMORY_ADDED:
            yield f"memory grew by {self.memory_added:.1%} from the third to the fiftieth activation"


def summarise(kind: str, answers: Sequence[Answer], faults: Faults) -> PhaseResult:
    """Figures of the answers of a phase. An answer that failed counts as late as it was."""
    latencies = [answer.latency_ms for answer in answers] or [float("nan")]
    p50, p99 = (float(value) for value in np.percentile(latencies, (50, 99)))
    return PhaseResult(
        kind=kind,
        requests=len(answers),
        failed=len(faults.failed),
        mixed=len(faults.mixed),
        old=len(faults.old),
        late_starts=sum(answer.lateness_ms > _LATE_MS for answer in answers),
        p50_ms=p50,
        p99_ms=p99,
        slowest_ms=max(latencies),
        examples=[*faults.failed, *faults.mixed, *faults.old][:_MOST_FAULTS_KEPT],
    )
