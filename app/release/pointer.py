"""The pointer to the active release: one small file, replaced in one step."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from app.errors import Conflict, ReleaseUnusable
from app.release.files import read_json, write_json

POINTER = "ACTIVE"
_HISTORY_LENGTH = 50

_LOCK = ".activation.lock"

Stamp = tuple[int, int]
HistoryEntry = dict[str, str | None]


@dataclass(frozen=True)
class ActivePointer:
    """Which version is active, which was before it, and the last activations, newest last."""

    version: str
    previous: str | None
    history: tuple[HistoryEntry, ...] = ()

    def replace_by(self, version: str, *, by: str, at: str) -> ActivePointer:
        """The pointer after an activation."""
        previous = self.previous if version == self.version else self.version
        entry: HistoryEntry = {"version": version, "previous": self.version, "activated": at, "by": by}
        return ActivePointer(version, previous, (*self.history, entry)[-_HISTORY_LENGTH:])


def make_first_pointer(version: str, *, by: str, at: str) -> ActivePointer:
    """The pointer where there was none, or none that can be read."""
    return ActivePointer(version, None, ({"version": version, "previous": None, "activated": at, "by": by},))


@contextmanager
def activating(directory: Path) -> Iterator[None]:
    """Be the only one that changes which version is active; the end of the process ends it too.

    Raises:
        Conflict: when somebody else is at it, or the store cannot be written from here.
    """
    descriptor = _open_lock(directory / _LOCK)
    try:
        _lock_at_once(descriptor)
        yield
    finally:
        os.close(descriptor)


def read_pointer(directory: Path) -> ActivePointer | None:
    """The pointer of a store; None when nothing was activated yet.

    Raises:
        ReleaseUnusable: when the pointer file exists and cannot be read.
    """
    try:
        values: Any = read_json(directory / POINTER)
        return ActivePointer(str(values["version"]), values["previous"], tuple(values["history"]))
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as fault:
        raise ReleaseUnusable(f"The pointer to the active release cannot be read ({type(fault).__name__}).") from fault


def write_pointer(directory: Path, pointer: ActivePointer) -> None:
    """Replace the pointer of a store; a reader sees the old one or the new one, also after a crash."""
    write_json(directory / POINTER, asdict(pointer))


def read_stamp(path: str) -> Stamp | None:
    """A value that changes whenever the pointer file is replaced; None when there is none.

    Asked at every request: text in place of a Path, which takes twice as long.
    """
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _open_lock(path: Path) -> int:
    try:
        # Only for reading, so that the operator on the command line and the server may be different users.
        return os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    except OSError as fault:
        reason = f"The model store cannot be written here ({fault.strerror}); switch versions where it can."
        raise Conflict(reason) from fault


def _lock_at_once(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict(
            "Another activation or rollback is in progress; try again when it is over.",
            code="activation_in_progress",
        ) from None
