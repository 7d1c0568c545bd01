"""Faults that are to cost only what they happened in: counted, told in snapshots, and logged once for each kind."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from types import TracebackType

from app.monitoring.watcher.file import FileUnusable, Replaced

_NOT_OURS = (Replaced, FileUnusable)

logger = logging.getLogger(__name__)


class Failures:
    """How often something failed, and how it did last, told without what the fault says: that may be a value of a row.

    Attributes:
        count: Since the watcher began.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        self.last: str | None = None
        self._logged: set[tuple[str, str]] = set()

    def attempt(self, act: str) -> Attempt:
        """A block that may fail alone. What is wrong with the watcher's file goes on to whoever holds it."""
        return Attempt(self, act)

    def note(self, act: str, fault: Exception) -> None:
        self.count += 1
        self.last = f"{act}: {type(fault).__name__}{_describe_place(fault)}"
        kind = (act, type(fault).__name__)
        if kind not in self._logged:
            self._logged.add(kind)
            logger.error(
                "The watcher's %s failed to %s; from now on this is counted only", self.name, act, exc_info=fault
            )


class Attempt:
    def __init__(self, failures: Failures, act: str) -> None:
        self._failures = failures
        self._act = act

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(fault, Exception) or isinstance(fault, _NOT_OURS):
            return False
        self._failures.note(self._act, fault)
        return True


def _describe_place(fault: Exception) -> str:
    frames = traceback.extract_tb(fault.__traceback__)
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
