"""Every request of a run in numbers, because exact percentiles need them all.

A request takes 26 bytes: a thousand a second for an hour make 94 MB.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from app.loadtest.sending.outcomes import SUCCESS

Moments = npt.NDArray[np.float64]


class Record:
    """What one user notes of its requests; only that user writes."""

    def __init__(self) -> None:
        self._due = array("d")
        self._begun = array("d")
        self._ended = array("d")
        self._outcomes = array("H")
        self.failed = 0

    def __len__(self) -> int:
        return len(self._outcomes)

    def add(self, due: float, begun: float, ended: float, outcome: int) -> None:
        self._due.append(due)
        self._begun.append(begun)
        self._ended.append(ended)
        self.failed += outcome != 0
        # The last, so that there is never an outcome without its moments: others may read meanwhile.
        self._outcomes.append(outcome)

    def copy(self) -> tuple[Any, Any, Any, Any]:
        count = len(self._outcomes)
        return self._due[:count], self._begun[:count], self._ended[:count], self._outcomes[:count]


@dataclass(frozen=True)
class Samples:
    """Requests in the order in which they were due; moments are seconds since the run began.

    Attributes:
        outcomes: The position of each request's outcome among `names`, of which the first is success.
    """

    due: Moments
    begun: Moments
    ended: Moments
    outcomes: npt.NDArray[np.uint16]
    names: tuple[str, ...] = (SUCCESS,)

    def __len__(self) -> int:
        return len(self.due)

    @property
    def latencies_ms(self) -> Moments:
        """From the moment at which a request was due, not from that at which somebody got to it."""
        return (self.ended - self.due) * 1000.0

    @property
    def lateness_ms(self) -> Moments:
        return (self.begun - self.due) * 1000.0

    @property
    def is_success(self) -> npt.NDArray[np.bool_]:
        return np.equal(self.outcomes, 0)


def gather(records: Iterable[Record], *, begun: float, names: Sequence[str]) -> Samples:
    """All that the users noted so far."""
    copies = [record.copy() for record in records]
    due, started, ended = (_join(copies, place, np.float64) - begun for place in range(3))
    outcomes = _join(copies, 3, np.uint16)
    order = np.argsort(due, kind="stable")
    return Samples(due[order], started[order], ended[order], outcomes[order], tuple(names))


def _join(copies: Sequence[tuple[Any, Any, Any, Any]], place: int, kind: Any) -> Any:
    return np.concatenate([np.empty(0, kind), *(np.frombuffer(copy[place], kind) for copy in copies)])
