"""What a run finds, as figures, and which of the promises hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from tests.bench.load.open_loop import Answer
from tests.bench.overload.probing import HealthAnswer

LEAST_GOODPUT = 0.9
MOST_REFUSAL_MS = 50.0
MOST_HEALTH_MS = 100.0
SECONDS_TO_RECOVER = 5.0
# What counts as normal again: not refused, and not slower than this many times what it was before.
_MOST_SLOWER = 3.0
_OK, _REFUSED, _LATE = 200, 503, 504
_DOCUMENTED = (_OK, _REFUSED, _LATE)


@dataclass(frozen=True, kw_only=True)
class OverloadResult:
    """Rates are a second, of answers with 200. Latencies count from when the generator began with a request: at three
    times the capacity it is late itself at times.

    Attributes:
        capacity: What the server answers to callers who each wait for their answer, by the same generator.
        goodput: What it answered in time while three times its capacity was asked of it.
        lost: Requests without an answer, or with another one than 200, 503 and 504.
        usual_p99_ms: Before, at half of the capacity.
        after_p99_ms: The same load again, from five seconds after the overload on.
        after_failed: Of these, how many were not answered with 200.
        lost_to: What became of the lost ones, and how often.
    """

    execution: str
    deadline_ms: float
    capacity: float
    offered: float
    goodput: float
    answered: int
    refused: int
    late: int
    lost: int
    accepted_p99_ms: float
    refusal_p50_ms: float
    refusal_p99_ms: float
    health_p99_ms: float
    health_slowest_ms: float
    health_failed: int
    usual_p99_ms: float
    after_p99_ms: float
    after_failed: int
    late_starts: int
    lost_to: Mapping[str, int]

    def find_broken_promises(self) -> Iterator[str]:
        """All but the goodput, of which one round tells little."""
        if self.lost:
            yield f"{self.lost} requests got no answer, or one that is not documented"
        if not self.accepted_p99_ms <= self.deadline_ms:
            yield f"accepted p99 is {self.accepted_p99_ms:.0f} ms, the deadline {self.deadline_ms:.0f} ms"
        if self.refused and not self.refusal_p99_ms <= MOST_REFUSAL_MS:
            yield f"p99 of refusals is {self.refusal_p99_ms:.0f} ms"
        if self.health_failed or not self.health_slowest_ms <= MOST_HEALTH_MS:
            yield f"health: slowest {self.health_slowest_ms:.0f} ms, {self.health_failed} failed"
        if self.after_failed or not self.after_p99_ms <= _MOST_SLOWER * self.usual_p99_ms:
            yield f"afterwards p99 is {self.after_p99_ms:.0f} ms, {self.after_failed} failed"


def find_broken_promises(rounds: Sequence[OverloadResult]) -> list[str]:
    """What does not hold in some round, or of the goodput in the middle one.

    Within a minute the capacity itself changes by a fifth where other machines share the host.
    """
    goodput = median(one.goodput / one.capacity for one in rounds)
    broken = [f"goodput is {goodput:.0%} of the capacity"] if goodput < LEAST_GOODPUT else []
    return [*broken, *(sentence for one in rounds for sentence in one.find_broken_promises())]


def find_percentile(values: Sequence[float], percent: float) -> float:
    return float(np.percentile(values, percent)) if len(values) else float("nan")


def list_latencies(answers: Sequence[Answer], status: int) -> list[float]:
    return [(answer.received - answer.sent) * 1000 for answer in answers if answer.status == status]


def summarise(
    *,
    execution: str,
    deadline_ms: float,
    capacity: float,
    offered: float,
    seconds: float,
    usual: Sequence[Answer],
    flood: Sequence[Answer],
    after: Sequence[Answer],
    health: Sequence[HealthAnswer],
) -> OverloadResult:
    accepted, refusals = list_latencies(flood, _OK), list_latencies(flood, _REFUSED)
    late = len(list_latencies(flood, _LATE))
    health_ms = [answer.ms for answer in health]
    return OverloadResult(
        execution=execution,
        deadline_ms=deadline_ms,
        capacity=capacity,
        offered=offered,
        goodput=sum(latency <= deadline_ms for latency in accepted) / seconds,
        answered=len(accepted),
        refused=len(refusals),
        late=late,
        lost=len(flood) - len(accepted) - len(refusals) - late,
        accepted_p99_ms=find_percentile(accepted, 99),
        refusal_p50_ms=find_percentile(refusals, 50),
        refusal_p99_ms=find_percentile(refusals, 99),
        health_p99_ms=find_percentile(health_ms, 99),
        health_slowest_ms=max(health_ms, default=float("nan")),
        health_failed=sum(answer.status != _OK for answer in health),
        usual_p99_ms=find_percentile(list_latencies(usual, _OK), 99),
        after_p99_ms=find_percentile(list_latencies(after, _OK), 99),
        after_failed=sum(answer.status != _OK for answer in after),
        late_starts=sum(answer.lateness_ms > 5 for answer in flood),
        lost_to=Counter(answer.fault or str(answer.status) for answer in flood if answer.status not in _DOCUMENTED),
    )
