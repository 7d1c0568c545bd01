"""Tells whoever survives this process which version it is loading, and asks how many processes have died of that.

Not here: who counts. That is the master of all workers, in config/survival.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from app.errors import ReleaseUnusable
from app.release.pointer import POINTER, read_stamp

_DEATHS_TO_REFUSE = 3


class Survivor(Protocol):
    def begin(self, version: str, activated: int) -> int:
        """Note what is loaded, unless too many died of it; return how many did since `activated`."""

    def end(self, *, is_loaded: bool) -> None: ...


class NoSurvivor:
    """Nobody looks at what ends this process."""

    def begin(self, version: str, activated: int) -> int:  # noqa: ARG002
        return 0

    def end(self, *, is_loaded: bool) -> None: ...


class LoadWatch:
    """Refuses to load what has ended too many workers. A change of the active version gives every version a new try."""

    def __init__(self, store: Path, survivor: Survivor) -> None:
        self._pointer = str(store / POINTER)
        self._survivor = survivor

    @contextmanager
    def loading(self, version: str) -> Iterator[None]:
        """Load a version in this block. What ends the process in there in any way counts as its fault.

        Raises:
            ReleaseUnusable: when it has ended too many workers, or asks for the end of this one.
        """
        stamp = read_stamp(self._pointer)
        deaths = self._survivor.begin(version, stamp[1] if stamp else 0)
        if deaths >= _DEATHS_TO_REFUSE:
            raise ReleaseUnusable(
                f"Version {version} has ended {deaths} workers, one after another, as they loaded it."
            )
        try:
            yield
        except SystemExit as fault:
            self._survivor.end(is_loaded=False)
            raise ReleaseUnusable(f"Version {version} asks for the end of the process as it is loaded.") from fault
        except Exception:
            self._survivor.end(is_loaded=False)
            raise
        self._survivor.end(is_loaded=True)
