"""How far back the page looks, and in which steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class TimeRange:
    """A stretch of time up to now.

    Attributes:
        words: How a sentence names it.
        kind: The snapshots that it is drawn of. Their quantiles cannot be put together, so a step is one of them.
    """

    key: str
    words: str
    length: timedelta
    kind: Literal["traffic", "traffic_hour"]
    step: timedelta

    def list_steps(self, now: datetime) -> tuple[datetime, ...]:
        """The starts of all steps up to now, the running one included, oldest first."""
        seconds = self.step.total_seconds()
        running = datetime.fromtimestamp(now.timestamp() // seconds * seconds, tz=now.tzinfo)
        return tuple(running - self.step * back for back in range(self.length // self.step, -1, -1))


_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)

RANGES: Mapping[str, TimeRange] = MappingProxyType(
    {
        "hour": TimeRange(key="hour", words="the last hour", length=_HOUR, kind="traffic", step=_MINUTE),
        "day": TimeRange(key="day", words="the last 24 hours", length=24 * _HOUR, kind="traffic_hour", step=_HOUR),
        "week": TimeRange(key="week", words="the last 7 days", length=168 * _HOUR, kind="traffic_hour", step=_HOUR),
    }
)
DEFAULT_RANGE = RANGES["hour"]


def choose_range(key: str | None) -> TimeRange:
    """The range of this name, or the usual one: an address that somebody typed shows a page all the same."""
    return RANGES.get(key or "", DEFAULT_RANGE)
