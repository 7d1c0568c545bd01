"""Requests and rows per minute of each API key."""

from __future__ import annotations

from typing import Protocol

from app.errors import TooLarge
from app.security.keys.store import ApiKey
from app.security.limits.windows import Decision, Quota, Windows


class RateLimits(Protocol):
    """What a key may send a minute. None where nothing limits it; else the decision, a refusal too."""

    def take_request(self, key: ApiKey) -> Decision | None: ...

    def take_rows(self, key: ApiKey, rows: int) -> Decision | None: ...


class NoRateLimits:
    """Lets everything through, whatever the keys say."""

    def take_request(self, key: ApiKey) -> Decision | None:  # noqa: ARG002
        return None

    def take_rows(self, key: ApiKey, rows: int) -> Decision | None:  # noqa: ARG002
        return None


class KeyRateLimits:
    """Counts the requests and the rows of every key that has a limit, of its own or of the installation."""

    def __init__(self, windows: Windows, *, requests_per_minute: int | None, rows_per_minute: int | None) -> None:
        self._windows = windows
        self._requests_per_minute = requests_per_minute
        self._rows_per_minute = rows_per_minute

    def take_request(self, key: ApiKey) -> Decision | None:
        amount = key.requests_per_minute or self._requests_per_minute
        return None if amount is None else self._windows.take(key.id, Quota("requests", amount), 1)

    def take_rows(self, key: ApiKey, rows: int) -> Decision | None:
        """Count the rows of one request.

        Raises:
            TooLarge: when they are more than the key may ever send at once.
        """
        amount = key.rows_per_minute or self._rows_per_minute
        if amount is None:
            return None
        decision = self._windows.take(key.id, Quota("rows", amount), rows)
        if rows > decision.quota.amount:
            raise TooLarge(
                f"This key may send {decision.quota.amount} rows at once, this request holds {rows}.",
                code="too_many_rows",
            )
        return decision
