"""The pointer to the active release: one small file, replaced in one step."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from app.errors import ReleaseUnusable
from app.release.files import read_json, write_json

POINTER = "ACTIVE"
_HISTORY_LENGTH = 50

Stamp = tuple[int, int]


@dataclass(frozen=True)
class ActivePointer:
    """Which version is active, which was before it, and the last activations, newest last."""

    version: str
    previous: str | None
    history: tuple[dict[str, str], ...] = ()

    def replace_by(self, version: str, entry: dict[str, str]) -> ActivePointer:
        """The pointer after an activation, which `entry` describes."""
        previous = self.previous if version == self.version else self.version
        return ActivePointer(version, previous, (*self.history, entry)[-_HISTORY_LENGTH:])


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
