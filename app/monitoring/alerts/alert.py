"""One alert: a rule that a series of figures breaks, from the first sign to the end. Counts seconds, reads no clock."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from app.monitoring.alerts.rules import AlertRule
from app.monitoring.figures import Figure

Stage = Literal["pending", "firing", "resolved"]

LEAST_SECONDS_WITHOUT_FIGURE = 600.0
"""A figure that is not told any more counts as good, but not sooner: a part may be late or begin again."""


@dataclass(kw_only=True)
class Alert:
    """How far an alert is. Its times are seconds that were watched: a clock that jumps changes none of them.

    Attributes:
        since: When the limit was broken first, for people.
        broken_seconds: For how long it has been an alert, or the sign of one.
        good_seconds: For how long all has been well again.
        is_measured: Whether its figure is still told.
        is_told: Whether people know that it is firing.
        told_seconds: For how long they have known.
        quiet_seconds: For how long they are not to be told again that it begins.
        times: How often it has begun of late.
    """

    rule: str
    figure: str
    labels: Mapping[str, str]
    value: float
    since: datetime
    key: str = ""
    stage: Stage = "pending"
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    broken_seconds: float = 0.0
    good_seconds: float = 0.0
    is_measured: bool = True
    is_told: bool = False
    told_seconds: float = 0.0
    quiet_seconds: float = 0.0
    times: int = 0

    def pass_time(self, seconds: float) -> None:
        self.broken_seconds += seconds if self.stage != "resolved" else 0.0
        self.told_seconds += seconds
        self.quiet_seconds = max(0.0, self.quiet_seconds - seconds)

    def follow(self, rule: AlertRule, value: float | None, seconds: float) -> bool:
        """Judge a new value, or that there is none; tell whether the stage has changed."""
        self.is_measured = value is not None
        if value is not None:
            self.value = value
        if self.stage == "pending":
            return self._follow_pending(rule, value)
        return self.stage == "firing" and self._follow_firing(rule, value, seconds)

    def begin_again(self, figure: Figure) -> None:
        """Become a sign of the same alert that was resolved a short while ago."""
        self.stage, self.since, self.value = "pending", figure.at, figure.value
        self.id, self.broken_seconds, self.good_seconds = uuid.uuid4().hex[:12], 0.0, 0.0

    def tell_firing(self, cool_down_seconds: float) -> None:
        self.is_told, self.told_seconds = True, 0.0
        self.quiet_seconds = max(self.quiet_seconds, cool_down_seconds)

    def to_state(self) -> dict[str, Any]:
        return {**asdict(self), "since": self.since.isoformat()}

    def _follow_pending(self, rule: AlertRule, value: float | None) -> bool:
        if value is None or not rule.is_broken_by(value):
            self.stage = "resolved"
            return False
        if self.broken_seconds < 60 * rule.for_minutes:
            return False
        self.stage = "firing"
        self.times += 1
        return True

    def _follow_firing(self, rule: AlertRule, value: float | None, seconds: float) -> bool:
        if value is not None and not rule.is_cleared_by(value):
            self.good_seconds = 0.0
            return False
        self.good_seconds += seconds
        needed = 60 * rule.resolve_minutes
        if self.good_seconds < (needed if value is not None else max(needed, LEAST_SECONDS_WITHOUT_FIGURE)):
            return False
        self.stage = "resolved"
        return True


def read_alert(state: Mapping[str, Any]) -> Alert:
    return Alert(**{**state, "since": datetime.fromisoformat(state["since"])})
