"""What a load test is to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from app.loadtest.sending.pace import ClosedLoop, OpenLoop, Pace
from app.loadtest.sending.target import Target

DEFAULT_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class LoadOrder:
    """A load and its rows.

    Attributes:
        rows: The file that they come from.
        without: Columns of it that are not sent.
        users: How many requests are under way at once: always with a closed loop, at most with an open one.
        requests: Of each user with a closed loop, of all with an open one.
        seconds: How long; with neither this nor `requests` it is DEFAULT_SECONDS.
        rate: Requests a second, which makes it an open loop.
    """

    target: Target
    rows: Path
    users: int
    key: str | None = field(default=None, repr=False)
    without: tuple[str, ...] = ()
    rows_per_request: int = 1
    requests: int | None = None
    seconds: float | None = None
    rate: float | None = None
    warm_up_seconds: float = 0.0
    timeout_seconds: float = 30.0
    keep_alive: bool = True

    @property
    def load_seconds(self) -> float | None:
        """How long the load lasts; None when its requests are counted."""
        return DEFAULT_SECONDS if self.requests is None and self.seconds is None else self.seconds

    def make_pace(self) -> Pace:
        if self.rate is None:
            return ClosedLoop(self.requests, self.load_seconds)
        return OpenLoop(self.rate, self.requests, self.load_seconds)

    def make_warm_up_pace(self) -> Pace:
        return (
            ClosedLoop(seconds=self.warm_up_seconds)
            if self.rate is None
            else OpenLoop(self.rate, seconds=self.warm_up_seconds)
        )

    def foresee_seconds(self) -> float | None:
        """How long the load will take, as far as anybody can tell."""
        if self.rate is not None and self.requests is not None:
            return self.requests / self.rate
        return self.load_seconds

    def foresee_requests(self) -> int | None:
        if self.requests is not None:
            return self.requests if self.rate is not None else self.requests * self.users
        return None if self.rate is None or self.load_seconds is None else int(self.rate * self.load_seconds)

    def describe(self) -> str:
        """The load in a few words."""
        times = "" if self.load_seconds is None else f" for {self.load_seconds:g} s"
        if self.rate is not None:
            most = "" if self.requests is None else f", {self.requests:,} in all"
            return f"{self.rate:g} requests/s{times}{most}, at most {self.users} at once"
        counts = "" if self.requests is None else f" of {self.requests:,} requests each"
        return f"{self.users} user{'s' * (self.users > 1)}{counts}{times}"
