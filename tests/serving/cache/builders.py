"""Models that say how often they were asked, and caches before them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.release.schema import Feature, FeatureSchema
from app.runtime.cost_curve import CostCurve
from app.runtime.loading import LoadedRelease
from app.runtime.predictions import Executor, Predictions
from app.runtime.rows import TypedRow
from app.serving.cache.caching import CachingExecutor
from app.serving.cache.counts import CacheCounts
from app.serving.cache.digests import RowDigests
from app.serving.cache.flights import Flights
from app.serving.cache.measuring import DEAR, FREE
from app.serving.cache.memory import RowMemory
from app.serving.cache.shared.answers import SharedAnswers
from app.serving.cache.shared.redis_rows import NoSharedRows, SharedRows
from app.serving.cache.worth import Worth
from tests.manifests import make_manifest

VISITS = Feature(name="visits", type="int", dtype="int64", nullable=False, minimum=0, maximum=9)


@dataclass
class CountingExecutor:
    """Answers each row with what tells it from all others, and notes the rows of every pass.

    Attributes:
        gate: Passes wait for it when it is there.
    """

    passes: list[list[TypedRow]] = field(default_factory=list)
    gate: threading.Event | None = None
    fault: Exception | None = None

    def predict(self, rows: Sequence[TypedRow]) -> Predictions:
        self.passes.append(list(rows))
        if self.gate is not None:
            assert self.gate.wait(10)
        if self.fault is not None:
            raise self.fault
        return Predictions([repr(row) for row in rows], [{"a": len(repr(row)) / 7, "b": 0.25} for row in rows])


def make_release(executor: Executor, version: str = "1") -> LoadedRelease:
    return LoadedRelease(make_manifest(version=version), FeatureSchema((VISITS,)), executor, "plan")


def make_worth(look: CostCurve | None = FREE, model: CostCurve = DEAR) -> Worth:
    return Worth("here", look=lambda: look, model=lambda: model)


def make_caching(
    executor: Executor,
    *,
    version: str = "1",
    memory: RowMemory | None = None,
    shared: SharedRows | None = None,
    worth: Worth | None = None,
    counts: CacheCounts | None = None,
) -> CachingExecutor:
    return CachingExecutor(
        executor,
        RowDigests(make_release(executor, version)),
        # An empty one is false.
        memory=RowMemory(most_bytes=1_000_000) if memory is None else memory,
        shared=SharedAnswers(f"churn:{version}", shared or NoSharedRows(), make_worth(FREE if shared else None)),
        worth=worth or make_worth(),
        flights=Flights(),
        counts=counts or CacheCounts(),
    )
