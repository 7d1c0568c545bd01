"""What a look into memory takes, and what a model does, measured on this host when a release is loaded."""

from __future__ import annotations

from collections.abc import Callable

from app.runtime.cost_curve import CostCurve, measure_cost
from app.runtime.loading import LoadedRelease
from app.serving.cache.caching import CachingExecutor
from app.serving.cache.counts import CacheCounts
from app.serving.cache.digests import RowDigests
from app.serving.cache.flights import Flights
from app.serving.cache.memory import RowMemory
from app.serving.cache.shared.answers import SharedAnswers
from app.serving.cache.shared.redis_rows import NoSharedRows
from app.serving.cache.worth import Worth

_BYTES_OF_A_TRIAL = 10_000_000
FREE = CostCurve(fixed_seconds=1e-9, seconds_per_row=1e-9)
DEAR = CostCurve(fixed_seconds=1.0, seconds_per_row=1.0)


def read_model_cost(release: LoadedRelease) -> Callable[[], CostCurve]:
    """Tells what the model takes. Of AutoGluon it is known all the time; a plan takes what it took when it was loaded.

    Without golden rows nothing is measured, and a look is taken to pay.
    """
    if release.golden is None:
        return lambda: DEAR
    # Now: the first caller is not to wait for that.
    cost = release.cost
    return lambda: cost


def measure_look(release: LoadedRelease, digests: RowDigests) -> CostCurve:
    """What it takes to find the golden rows in a memory that holds them all."""
    if release.golden is None:
        return FREE
    looking = CachingExecutor(
        release.executor,
        digests,
        memory=RowMemory(most_bytes=_BYTES_OF_A_TRIAL),
        shared=SharedAnswers("", NoSharedRows(), Worth("nowhere", look=lambda: None, model=lambda: DEAR)),
        worth=Worth("for a trial", look=lambda: FREE, model=lambda: DEAR),
        flights=Flights(),
        counts=CacheCounts(),
    )
    looking.predict(release.golden.rows)
    return measure_cost(looking, release.golden.rows)
