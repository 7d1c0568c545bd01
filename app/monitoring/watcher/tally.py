"""Sums of requests that can be added up: counts, and how long things took in histograms of constant size."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from app.monitoring.watcher.parts import Record

PARTS = ("queue", "validate", "predict")
MOST_NAMES = 200
OTHERS = "others"

_RATIO = 1.04
_LOG_RATIO = math.log(_RATIO)
_LEAST_MS = 1e-3
_COUNTED = ("by_status", "by_error", "by_version", "by_role", "by_execution", "by_key", "warnings")


class DurationHistogram:
    """How often something took how long. Quantiles are at most 2 % from the true ones.

    Buckets grow by a constant ratio, so that their middle is never far from any value in them (DDSketch: Masson, Rim
    and Lee, 2019, PVLDB 12(12), https://doi.org/10.14778/3352063.3352135): 530 cover a microsecond to a quarter hour.
    """

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts: Counter[int] = Counter(counts or {})

    def add(self, milliseconds: float) -> None:
        self.counts[math.ceil(math.log(milliseconds) / _LOG_RATIO) if milliseconds > _LEAST_MS else -176] += 1

    def quantile_ms(self, share: float) -> float | None:
        """What so large a share of the values does not exceed; None without any."""
        rank = math.ceil(share * self.counts.total())
        for bucket in sorted(self.counts):
            rank -= self.counts[bucket]
            if rank <= 0:
                return float(f"{2 * _RATIO**bucket / (_RATIO + 1):.4g}")
        return None

    def to_state(self) -> dict[str, int]:
        return {str(bucket): count for bucket, count in self.counts.items()}


class Tally:
    """What a stretch of time saw. Times are those of requests that were answered with predictions."""

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        state = state or {}
        self.requests: int = state.get("requests", 0)
        self.rows: int = state.get("rows", 0)
        self.cached_rows: int = state.get("cached_rows", 0)
        self.lost_lines: int = state.get("lost_lines", 0)
        self.counted: dict[str, Counter[str]] = {name: Counter(state.get(name, {})) for name in _COUNTED}
        histograms = state.get("ms", {})
        self.ms = {
            name: DurationHistogram({int(bucket): count for bucket, count in histograms.get(name, {}).items()})
            for name in ("total", *PARTS)
        }

    def add_request(self, record: Record) -> None:
        if record.get("part"):
            # Some rows of a request that has a line of its own.
            self._add_rows(record)
            return
        self.requests += 1
        counted = self.counted
        counted["by_status"][str(record["status"])] += 1
        _count(counted["by_key"], record.get("key"))
        if record.get("error") is not None:
            _count(counted["by_error"], record["error"])
        if record["status"] < 400:
            self._add_answer(record)

    def add(self, other: Tally) -> None:
        self.requests += other.requests
        self.rows += other.rows
        self.cached_rows += other.cached_rows
        self.lost_lines += other.lost_lines
        for name, counts in other.counted.items():
            for value, count in counts.items():
                _count(self.counted[name], value, count)
        for name, histogram in other.ms.items():
            self.ms[name].counts.update(histogram.counts)

    def to_state(self) -> dict[str, Any]:
        state = self._count()
        state |= {name: dict(counts) for name, counts in self.counted.items()}
        return state | {"ms": {name: histogram.to_state() for name, histogram in self.ms.items()}}

    def to_document(self) -> dict[str, Any]:
        """As the snapshots tell it: quantiles in place of histograms."""
        document = self._count()
        document |= {name: dict(counts) for name, counts in self.counted.items()}
        document |= {f"p{percent}_ms": self.ms["total"].quantile_ms(percent / 100) for percent in (50, 95, 99)}
        parts = {
            name: {f"p{percent}": self.ms[name].quantile_ms(percent / 100) for percent in (50, 99)} for name in PARTS
        }
        return document | {"parts_ms": parts}

    def _count(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "rows": self.rows,
            "cached_rows": self.cached_rows,
            "lost_lines": self.lost_lines,
        }

    def _add_rows(self, record: Record) -> None:
        self.rows += record["rows"]
        # Lines of an earlier gluonserve do not tell.
        self.cached_rows += record.get("cached", 0)
        for kind, count in record.get("warnings", {}).items():
            if count:
                _count(self.counted["warnings"], kind, count)

    def _add_answer(self, record: Record) -> None:
        self._add_rows(record)
        counted = self.counted
        _count(counted["by_version"], record.get("version"))
        _count(counted["by_role"], record.get("role"))
        _count(counted["by_execution"], record.get("execution"))
        for name, milliseconds in record["ms"].items():
            histogram = self.ms.get(name)
            if histogram is not None:
                histogram.add(milliseconds)


def _count(counts: Counter[str], value: str | None, count: int = 1) -> None:
    """Count a value; when there are too many different ones, under a name for all others."""
    name = value if value is not None else "none"
    counts[name if name in counts or len(counts) < MOST_NAMES else OTHERS] += count
