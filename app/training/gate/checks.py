"""One thing that the gate looked at, and all of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from app.training.gate.limits import Direction


@dataclass(frozen=True, kw_only=True)
class Check:
    """`measured` is None for what is not a number; `direction` and `limit` are None where nothing was demanded."""

    name: str
    measured: float | None = None
    limit: float | None = None
    direction: Direction | None = None
    passed: bool
    note: str = ""

    @property
    def is_figure_only(self) -> bool:
        """Whether it was measured without anything being demanded of it."""
        return self.limit is None and self.measured is not None


@dataclass(frozen=True)
class GateReport:
    """All checks, those of metrics first."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)

    def to_dict(self) -> dict[str, Any]:
        return {"passed": self.passed, "checks": [asdict(check) for check in self.checks]}
