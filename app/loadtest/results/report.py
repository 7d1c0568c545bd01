"""The report of a load test, and the document that keeps it for a later comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.loadtest.order import LoadOrder
from app.loadtest.results.comparison import Comparison
from app.loadtest.results.figures import LATE_MS, UNSENT, Figures

FORMAT = "gluonserve-loadtest/1"
_BUSY_CLIENT = 0.8


@dataclass(frozen=True, kw_only=True)
class Client:
    """What the load cost this side.

    Attributes:
        cpu_share: Of one core.
        us_per_request: CPU time of this process.
    """

    cpu_share: float
    us_per_request: float
    reconnects: int
    unanswered: int


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """What was done and what came of it.

    Attributes:
        began_at: UTC, ISO 8601.
        rows: How many different rows were sent.
        notes: What a reader should know, in sentences.
    """

    order: LoadOrder
    began_at: str
    rows: int
    warm_up_requests: int
    figures: Figures
    client: Client
    was_interrupted: bool
    notes: tuple[str, ...] = ()
    comparison: Comparison | None = None

    def to_document(self) -> dict[str, Any]:
        document = {
            "format": FORMAT,
            "target": self.order.target.url,
            "began_at": self.began_at,
            "load": describe_load(self.order, self.rows),
            "warm_up_requests": self.warm_up_requests,
            "was_interrupted": self.was_interrupted,
            "figures": self.figures.to_document(),
            "client": vars(self.client),
            "notes": list(self.notes),
        }
        return document if self.comparison is None else {**document, "comparison": self.comparison.to_document()}


def describe_load(order: LoadOrder, rows: int) -> Mapping[str, Any]:
    """What two runs must have in common to be compared."""
    return {
        "users": order.users,
        "requests": order.requests,
        "seconds": order.load_seconds,
        "rate": order.rate,
        "rows_per_request": order.rows_per_request,
        "rows": rows,
        "warm_up_seconds": order.warm_up_seconds,
        "timeout_seconds": order.timeout_seconds,
        "keep_alive": order.keep_alive,
    }


def list_cautions(figures: Figures, client: Client, *, rows: int, rows_per_request: int) -> list[str]:
    """What makes figures say less than they seem to."""
    found = []
    if figures.late:
        found.append(
            f"{figures.late:,} requests began more than {LATE_MS:g} ms after they were due, the latest "
            f"{figures.latest_ms:,.0f} ms: all users were busy, or this machine."
        )
    if client.cpu_share > _BUSY_CLIENT:
        found.append(
            f"The load tester itself used {client.cpu_share:.0%} of a core: it may be what was measured. Use fewer "
            "users or a lower rate, or several load testers."
        )
    unsent = sum(failure.count for failure in figures.failures if failure.kind == UNSENT)
    if unsent:
        found.append(
            f"{unsent:,} requests were due and never sent, because all users were busy to the end: the server does not "
            "keep up with this rate, or it takes more users. With more time the latency would be higher still."
        )
    sent = (figures.requests - unsent) * rows_per_request
    if sent > rows:
        found.append(
            f"{rows:,} different rows were sent {sent / rows:.1f} times each: a cache would answer repetitions."
        )
    if client.unanswered:
        found.append(f"{client.unanswered} requests under way were given up and are not counted.")
    return found
