"""The measuring itself: what a server answers usually, at three times its capacity, and after that."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench.load.client import generate_load, without_garbage_collection
from tests.bench.load.open_loop import Answer, open_load
from tests.bench.overload.probing import probing_health
from tests.bench.overload.results import SECONDS_TO_RECOVER, OverloadResult, summarise

OVERLOAD = 3.0
_USUAL = 0.5
_SETTLING_SECONDS = 1.0
_CAPACITY_SECONDS = 8.0

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class OverloadScope:
    """Attributes: concurrency: Enough callers that the server always has something to do."""

    execution: str
    concurrency: int
    deadline_ms: float
    flood_seconds: float
    usual_seconds: float


def measure_overload(
    address: tuple[str, int], requests: Sequence[bytes], scope: OverloadScope, say: Say
) -> OverloadResult:
    with without_garbage_collection():
        capacity = measure_capacity(address, requests, scope.concurrency)
        offered = OVERLOAD * capacity
        say(f"{capacity:.0f} requests a second at most; usual load")
        usual = apply_load(address, requests, rate=_USUAL * capacity, seconds=scope.usual_seconds)
        say(f"now {offered:.0f} requests a second for {scope.flood_seconds:.0f} s")
        with probing_health(address) as probe:
            flood = apply_load(address, requests, rate=offered, seconds=scope.flood_seconds, patient=False)
        after = apply_load(address, requests, rate=_USUAL * capacity, seconds=SECONDS_TO_RECOVER + scope.usual_seconds)
        capacity = (capacity + measure_capacity(address, requests, scope.concurrency)) / 2
    recovered = min(answer.intended for answer in after) + SECONDS_TO_RECOVER
    return summarise(
        execution=scope.execution,
        deadline_ms=scope.deadline_ms,
        capacity=capacity,
        offered=offered,
        seconds=scope.flood_seconds,
        usual=usual,
        flood=flood,
        after=[answer for answer in after if answer.intended >= recovered],
        health=probe.answers,
    )


def measure_capacity(address: tuple[str, int], requests: Sequence[bytes], concurrency: int) -> float:
    """As many requests a second as are answered to some who each send the next one when one is answered."""
    for seconds in (_SETTLING_SECONDS, _CAPACITY_SECONDS):
        result = generate_load(address, requests, concurrency=concurrency, seconds=seconds)
    return len(result.latencies_ms) / result.seconds


def apply_load(
    address: tuple[str, int], requests: Sequence[bytes], *, rate: float, seconds: float, patient: bool = True
) -> list[Answer]:
    """So many requests a second for so long; those under way at the end are waited for.

    Args:
        patient: Whether to wait until the server has calmed down, too.
    """
    with open_load(address, requests, rate=rate) as load:
        time.sleep(seconds)
    if patient:
        time.sleep(_SETTLING_SECONDS / 2)
    return list(load.answers)
