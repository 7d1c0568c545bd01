"""Which one of several processes does what one alone should do: whoever holds the lock on a file."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO


class Election:
    """One candidate for a duty. The end of its process, however it ends, frees the duty for another."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: IO[str] | None = None

    def is_won(self) -> bool:
        """Whether the duty is this process's; tries to win it if nobody has it.

        Raises:
            OSError: when the directory of the file cannot be written.
        """
        if self._lock is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = self._path.open("w")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                return False
            self._lock = file
        return True

    def resign(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
