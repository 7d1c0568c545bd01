"""Which values of a request the prediction log keeps: what is allowed is decided for each release, by who is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

# Of one release after the other that is tried for a moment, none stays in memory.
_MOST_VERSIONS = 8


class Keeper(Protocol):
    """Knows what may be kept of a row."""

    def keep(self, row: Mapping[str, Any]) -> dict[str, Any]: ...


class InputPolicy(Protocol):
    """Decides what is kept of the rows that a release answers."""

    def keep_rows(self, version: str, rows: Sequence[Any]) -> list[dict[str, Any]] | None:
        """What may be kept of rows as callers sent them; None when that is nothing."""


class NoInputs:
    """Keeps nothing."""

    def keep_rows(self, version: str, rows: Sequence[Any]) -> None:  # noqa: ARG002 - as all policies
        return None


class KeptInputs:
    """Keeps what a keeper for the features of each release allows.

    Fallback: of a release that was let go before its first line was written, nobody knows the features any more;
    nothing is kept of those rows.
    """

    def __init__(self, make_keeper: Callable[[str], Keeper | None]) -> None:
        """
        Args:
            make_keeper: The keeper for a version; None when the version is not known.
        """
        self._make_keeper = make_keeper
        self._keepers: dict[str, Keeper] = {}

    def keep_rows(self, version: str, rows: Sequence[Any]) -> list[dict[str, Any]] | None:
        keeper = self._keepers.get(version) or self._begin(version)
        return None if keeper is None else [keeper.keep(row) for row in rows]

    def _begin(self, version: str) -> Keeper | None:
        keeper = self._make_keeper(version)
        if keeper is not None:
            if len(self._keepers) >= _MOST_VERSIONS:
                del self._keepers[next(iter(self._keepers))]
            self._keepers[version] = keeper
        return keeper
