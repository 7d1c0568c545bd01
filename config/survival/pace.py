"""How soon another worker may begin after some have ended before they could serve."""

from __future__ import annotations

_FIRST_SECONDS, _MOST_SECONDS = 0.25, 30.0


class BootPace:
    """At once after a worker that served; twice as long after each that did not, until one serves again."""

    def __init__(self) -> None:
        self._failures = 0
        self._arrivals = 0
        self._next = 0.0

    def note_failure(self, *, arrivals: int, now: float) -> None:
        """Args: arrivals: How many workers have come to serve since the start of the server."""
        self._failures = self._failures + 1 if arrivals == self._arrivals else 1
        self._arrivals = arrivals
        self._next = now + min(_FIRST_SECONDS * 2.0 ** min(self._failures - 1, 16), _MOST_SECONDS)

    def may_begin(self, now: float) -> bool:
        return now >= self._next
