"""What requests cost this worker in processor time, known before they are computed and learned from those that were."""

from __future__ import annotations

from app.runtime.batching import BatchingExecutor
from app.runtime.cost_curve import CostCurve
from app.runtime.switching.active import ActiveRelease

# Nobody notices to have waited so long.
SMALL_SECONDS = 0.01
# Before anything is known: rows of a few hundred bytes, and of a compiled plan.
_FIRST_BYTES_PER_ROW = 300.0
_FIRST_FIXED_SECONDS = 0.0005
_FIRST_SECONDS_PER_ROW = 0.00005
_LEARNING_RATE = 0.2


class RequestCosts:
    """Tells what a request will cost by its rows, and by its length as long as they have not been read."""

    def __init__(self, active: ActiveRelease) -> None:
        self._active = active
        self._own = CostCurve(fixed_seconds=_FIRST_FIXED_SECONDS, seconds_per_row=_FIRST_SECONDS_PER_ROW)
        self._bytes_per_row = _FIRST_BYTES_PER_ROW

    def estimate_seconds(self, rows: int) -> float:
        """Processor time of so many rows, without what every request takes."""
        return rows * self._curve().seconds_per_row

    def is_small(self, rows: int) -> bool:
        return self.estimate_seconds(rows) <= SMALL_SECONDS

    def looks_small(self, body_bytes: int) -> bool:
        return self.estimate_seconds(int(body_bytes / self._bytes_per_row)) <= SMALL_SECONDS

    def learn(self, *, rows: int, body_bytes: int, thread_seconds: float) -> float:
        """Learn from a request that was answered; return what it took.

        Args:
            body_bytes: 0 when it is not known.
            thread_seconds: The processor time of its thread. Where requests are joined a thread also computes for
                others, or others for it, and what its rows usually take is returned instead.
        """
        if body_bytes:
            self._bytes_per_row += _LEARNING_RATE * (body_bytes / rows - self._bytes_per_row)
        curve = self._curve()
        if curve is not self._own:
            return self.estimate_seconds(rows)
        curve.learn(rows=rows, seconds=thread_seconds)
        return thread_seconds

    def _curve(self) -> CostCurve:
        release = self._active.current
        if release is not None and isinstance(release.executor, BatchingExecutor):
            return release.executor.cost
        return self._own
