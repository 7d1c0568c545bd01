"""How training says no. Both are for the person at the command line: one plain sentence per fault, no traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class InvalidTrainingSettings(Exception):
    """Settings that cannot hold, found before any work was done; every fault is listed. A usage error."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class TrainingRefused(Exception):
    """The settings are fine but the data, the predictor or the machine is not: nothing was published."""


def suggest_closest(name: str, known: Iterable[str]) -> str:
    """' Did you mean X?' for a misspelt name, or an empty text when nothing is close."""
    names = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), names, n=1)
    return f" Did you mean {names[close[0]]}?" if close else ""


def join_names(names: Iterable[object], *, most: int = 5) -> str:
    """A short comma-separated list for a message; says how many more there are."""
    items = [str(name) for name in names]
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
