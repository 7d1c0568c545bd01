"""The files that a process writes its log to: one at a time, rotated by size and age, old ones removed."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.monitoring.prediction_log.reader import SUFFIX

_SECONDS_BETWEEN_PRUNINGS = 3600.0
# For the group as well: what takes logs elsewhere need not run as the server does.
_DIRECTORY_MODE = 0o750
_FILE_MODE = 0o640


@dataclass(frozen=True, kw_only=True)
class Retention:
    """What is kept.

    Attributes:
        file_bytes: Size at which another file is begun.
        file_seconds: Age at which another file is begun.
        keep_seconds: How long a file is kept after its last line.
        keep_bytes: What all files of the directory may take; the oldest go first.
    """

    file_bytes: int
    file_seconds: float
    keep_seconds: float
    keep_bytes: int


class LogFiles:
    """Appends to the newest file of this process, which nobody else writes to.

    A file that is written is locked as long as its process lives: so everybody knows which ones may be removed, and no
    file of a killed process stays for ever. Nothing is made before there is something to write.
    """

    def __init__(self, directory: Path, retention: Retention, *, clock: Callable[[], float] = time.time) -> None:
        self._directory = directory
        self._retention = retention
        self._clock = clock
        self._descriptor: int | None = None
        self._path = directory
        self._prefix = ""
        self._sequence = 0
        self._size = 0
        self._opened_at = 0.0
        self._pruned_at = clock()

    def append(self, lines: bytes) -> int:
        """Write whole lines in one go; return how many bytes of them are written, up to the end of a line.

        Raises:
            OSError: when nothing of them is written.
        """
        descriptor = self._find_file()
        try:
            written = os.write(descriptor, lines)
        except OSError as fault:
            if fault.errno == errno.EFBIG:
                # This file can grow no more; another one can.
                self._leave_file()
            raise
        self._size += written
        return written if written == len(lines) else self._keep_whole_lines(descriptor, lines[:written])

    def tend(self) -> None:
        """Begin no file, but end one that is old, and remove what is kept no longer. Cheap enough for each round."""
        now = self._clock()
        if self._descriptor is not None and abs(now - self._opened_at) >= self._retention.file_seconds:
            self._leave_file()
        if abs(now - self._pruned_at) >= _SECONDS_BETWEEN_PRUNINGS:
            self.prune()

    def prune(self) -> None:
        """Remove files that are too old, and the oldest of too many; never one that a living process writes to.

        Fallback: what cannot be looked at or removed stays, and is looked at again the next time.
        """
        now = self._pruned_at = self._clock()
        total = 0
        for modified, size, path in sorted(self._list_files(), reverse=True):
            total += size
            # An empty one takes no room: it may be so new that its process has not locked it yet.
            is_too_much = size > 0 and total > self._retention.keep_bytes
            if is_too_much or now - modified > self._retention.keep_seconds:
                with suppress(OSError):
                    _remove_unless_written(path)

    def close(self) -> None:
        self._leave_file()

    def _find_file(self) -> int:
        if self._descriptor is not None and (self._size >= self._retention.file_bytes or self._has_gone()):
            self._leave_file()
        if self._descriptor is None:
            self._descriptor = self._begin_file()
            if self._sequence > 1:
                self.prune()
        return self._descriptor

    def _has_gone(self) -> bool:
        """Whether somebody removed or replaced the file: what it is told then, nobody would ever read."""
        if self._descriptor is None:
            return False
        try:
            return self._path.stat().st_ino != os.fstat(self._descriptor).st_ino
        except FileNotFoundError:
            return True
        except OSError:
            # Nobody can tell; it can be written as before.
            return False

    def _begin_file(self) -> int:
        self._directory.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY_MODE)
        now = self._clock()
        if not self._prefix:
            host = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in socket.gethostname())
            self._prefix = f"{host}-{os.getpid()}-{int(now * 1000)}"
        path = self._directory / f"{self._prefix}-{self._sequence + 1:04}{SUFFIX}"
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
        with suppress(OSError):
            # Where files cannot be locked, as on some network file systems, none is removed either.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._sequence += 1
        self._path, self._size = path, 0
        self._opened_at = now
        return descriptor

    def _leave_file(self) -> None:
        if self._descriptor is not None:
            # Whatever closing tells: what was written was counted, and nothing more can be done for it.
            descriptor, self._descriptor = self._descriptor, None
            with suppress(OSError):
                os.close(descriptor)

    def _keep_whole_lines(self, descriptor: int, written: bytes) -> int:
        """Take back the beginning of a line whose end found no room; return how many bytes stay.

        Fallback: where that fails, the file ends with it, as if its process had been killed; readers know such ends.
        """
        whole = written.rfind(b"\n") + 1
        try:
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - len(written) + whole)
            self._size -= len(written) - whole
        except OSError:
            self._leave_file()
        return whole

    def _list_files(self) -> Iterator[tuple[float, int, Path]]:
        with suppress(OSError), os.scandir(self._directory) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        yield status.st_mtime, status.st_size, Path(entry.path)


def _remove_unless_written(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)
