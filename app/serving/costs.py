"""What the rows of a request cost this worker, known before they are computed and learned from those that were."""

from __future__ import annotations

from app.runtime.cost_curve import CostCurve

# Nobody notices to have waited so long.
SMALL_SECONDS = 0.01
# Before anything is known: rows of a few hundred bytes, and of a compiled plan.
_FIRST_BYTES_PER_ROW = 300.0
_FIRST_FIXED_SECONDS = 0.0005
_FIRST_SECONDS_PER_ROW = 0.00005
_LEARNING_RATE = 0.2


class RequestCosts:
    """Tells what a request will cost by its rows, and by its length as long as they have not been read.

    Follows whatever model is active within some large requests; what one request takes is known exactly at its end.
    """

    def __init__(self) -> None:
        self._curve = CostCurve(fixed_seconds=_FIRST_FIXED_SECONDS, seconds_per_row=_FIRST_SECONDS_PER_ROW)
        self._bytes_per_row = _FIRST_BYTES_PER_ROW

    def estimate_seconds(self, rows: float) -> float:
        """Time of the worker for so many rows, without what every request takes."""
        return rows * self._curve.seconds_per_row

    def is_small(self, rows: float) -> bool:
        return self.estimate_seconds(rows) <= SMALL_SECONDS

    def looks_small(self, body_bytes: int) -> bool:
        return self.is_small(body_bytes / self._bytes_per_row)

    def learn(self, *, rows: int, body_bytes: int, seconds: float) -> None:
        """Learn from a large request what it took; `body_bytes` is 0 when that is not known."""
        if body_bytes:
            self._bytes_per_row += _LEARNING_RATE * (body_bytes / rows - self._bytes_per_row)
        self._curve.learn(rows=rows, seconds=seconds)
