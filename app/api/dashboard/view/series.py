"""Traffic step by step: what each minute or hour held, with nothing where nobody looked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.api.dashboard.findings import Findings
from app.api.dashboard.view.presence import find_last_sign, is_watched

# A minute is told a little after its end; until then nobody knows what it held.
_TOLD_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class Step:
    """One minute or hour.

    Attributes:
        document: What was told of it; None when nothing was.
        is_known: Whether the watcher has seen all of it: then no document means that nothing came.
    """

    start: datetime
    document: Mapping[str, Any] | None
    is_known: bool

    @property
    def requests(self) -> int:
        return int(self.document["requests"]) if self.document else 0

    @property
    def rows(self) -> int:
        return int(self.document["rows"]) if self.document else 0

    @property
    def cached_rows(self) -> int:
        """Rows that were answered without the model."""
        return int(self.document.get("cached_rows", 0)) if self.document else 0

    @property
    def failed(self) -> int:
        """Requests that the server failed on: 5xx but for 503, which says that it was busy."""
        return self._count(lambda status: status >= "500" and status != "503")

    @property
    def refused(self) -> int:
        """Requests that were not answered for what they were, or for what else was going on: 4xx and 503."""
        return self._count(lambda status: "400" <= status < "500" or status == "503")

    @property
    def answered(self) -> int:
        return self.requests - self.failed - self.refused

    def read_ms(self, name: str) -> float | None:
        return self.document.get(name) if self.document else None

    def _count(self, belongs: Callable[[str], bool]) -> int:
        statuses = self.document["by_status"] if self.document else {}
        return sum(count for status, count in statuses.items() if belongs(status))


def list_steps(findings: Findings) -> tuple[Step, ...]:
    """The steps of the range, oldest first, without those at its end of which nobody can know anything yet."""
    told = {snapshot.window_start: snapshot.document for snapshot in findings.traffic}
    known_until = find_known_end(findings)
    steps = [
        Step(start, told.get(start), start + findings.range.step <= known_until)
        for start in findings.range.list_steps(findings.now)
    ]
    while steps and steps[-1].document is None and not steps[-1].is_known:
        steps.pop()
    return tuple(steps)


def find_known_end(findings: Findings) -> datetime:
    """Up to when it is known what came: near to now while the watcher lives, else to its last sign."""
    last = find_last_sign(findings)
    newest = max((snapshot.window_end for snapshot in findings.traffic), default=None)
    seen = findings.now if is_watched(findings) else last
    ends = [newest, seen and seen - _TOLD_AFTER]
    return max((end for end in ends if end is not None), default=findings.now - findings.range.length)


def add_up(steps: tuple[Step, ...], name: str) -> dict[str, int]:
    """How often each value of a count was seen, the most frequent first."""
    sums: dict[str, int] = {}
    for step in steps:
        for value, times in (step.document or {}).get(name, {}).items():
            sums[value] = sums.get(value, 0) + times
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))
