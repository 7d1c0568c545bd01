"""Makes the values of this process part of those that all workers of a server share."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import values

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_KINDS = ("counter", "histogram", "gauge_livesum")
_BYTES_OF_A_FILE = 1 << 20


class SharingFailed(Exception):
    """There is no room for the files."""


@dataclass(frozen=True)
class SharedValues:
    """The directory, and the slot in it that no other living process has."""

    directory: Path
    slot: int

    def join(self) -> None:
        """Keep all values that this process makes from now on in the files of its slot.

        The files get their room now: a process that touches a page of a file for which there is none is killed.

        Raises:
            SharingFailed: when there is none.
        """
        try:
            for kind in _KINDS:
                _reserve(self.directory / f"{kind}_{self.slot}.db")
        except OSError as fault:
            raise SharingFailed(f"no room in {self.directory} ({fault.strerror})") from fault
        os.environ[DIRECTORY_VARIABLE] = str(self.directory)
        # As the library's documentation has it for processes that are not known by their ids.
        values.ValueClass = values.MultiProcessValue(lambda: self.slot)  # type: ignore[no-untyped-call]


def _reserve(path: Path) -> None:
    """Make the file unless it is there, kept from a worker that ended; with its whole room, or not at all.

    Others read whatever bears its name at any time, and cannot read one that is still empty.
    """
    if path.exists():
        return
    unfinished = path.with_suffix(".unfinished")
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, _BYTES_OF_A_FILE)
        unfinished.rename(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
