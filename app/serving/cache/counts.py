"""What became of the rows that a process was asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_KNOWN = ("hits", "shared_hits", "joined")


class CacheCounts:
    """Rows, by where their answers came from. What they add up to is what was asked.

    Attributes:
        hits: Remembered by this process.
        shared_hits: Found in Redis.
        joined: Computed by the model once, for several rows that were the same at the same time.
        misses: Looked for, not found, and computed by the model.
        bypassed: Computed anew because the caller wanted that.
        unasked: Computed without a look: it would not have paid.
        damaged: Found in Redis, and not what this installation has written there; counted as misses as well.
    """

    NAMES = ("hits", "shared_hits", "joined", "misses", "bypassed", "unasked", "damaged")

    def __init__(self) -> None:
        self.hits = self.shared_hits = self.joined = self.misses = self.bypassed = self.unasked = self.damaged = 0
        self._lock = threading.Lock()

    def add(self, **rows: int) -> None:
        with self._lock:
            for name, count in rows.items():
                setattr(self, name, getattr(self, name) + count)


@dataclass(frozen=True)
class CacheUse:
    """What the cache was good for.

    Attributes:
        looked_for: Rows whose answers were looked for.
        known: Those that the model did not have to compute for it.
    """

    looked_for: int
    known: int

    @property
    def hit_ratio(self) -> float | None:
        return self.known / self.looked_for if self.looked_for else None


def add_up_use(counts: Iterable[Mapping[str, int]]) -> CacheUse:
    """Of counts by their names, what is missing taken for none."""
    known, missed = 0, 0
    for one in counts:
        known += sum(one.get(name, 0) for name in _KNOWN)
        missed += one.get("misses", 0)
    return CacheUse(known + missed, known)
