"""Where processes keep what they counted: a small file each, replaced once a second; whoever asks joins them."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
from pathlib import Path
from typing import Any

import orjson

from app.serving.identifiers import make_identifier
from app.serving.rollout.comparison.tally import Differences, Tally

ROLLOUT_DIRECTORY = ".rollout"


class Counts:
    """What happened to an active version and a candidate, in one process or in all of them.

    Attributes:
        base: The active version that the candidate was compared with.
        copies_sent: Requests copied for a shadow.
        copies_dropped: Those that nobody had time for.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        self.active = Tally()
        self.candidate = Tally()
        self.differences = Differences()
        self.copies_sent = self.copies_dropped = 0

    def merge(self, other: Counts) -> None:
        self.active.merge(other.active)
        self.candidate.merge(other.candidate)
        self.differences.merge(other.differences)
        self.copies_sent += other.copies_sent
        self.copies_dropped += other.copies_dropped

    def to_dict(self) -> dict[str, Any]:
        return {
            "base": self.base,
            "active": self.active.to_dict(),
            "candidate": self.candidate.to_dict(),
            "differences": self.differences.to_dict(),
            "copies_sent": self.copies_sent,
            "copies_dropped": self.copies_dropped,
        }

    @classmethod
    def from_dict(cls, values: Any) -> Counts:
        counts = cls(values["base"])
        counts.active = Tally.from_dict(values["active"])
        counts.candidate = Tally.from_dict(values["candidate"])
        counts.differences = Differences.from_dict(values["differences"])
        counts.copies_sent, counts.copies_dropped = values["copies_sent"], values["copies_dropped"]
        return counts


class Ledger:
    """The counts of one process in one trial, for its threads to add to and for a file to keep.

    A new active version is another comparison: its counts go into another file.
    """

    def __init__(self, store: Path, trial: str) -> None:
        self.lock = threading.Lock()
        self._directory = directory_of_trial(store, trial)
        self._process = f"{socket.gethostname()}-{os.getpid()}-{make_identifier()[:8]}"
        self._counts: Counts | None = None
        self._written = b""

    def counts_against(self, base: str) -> Counts:
        """The counts beside this active version. To be asked for and changed under `lock`."""
        if self._counts is None or self._counts.base != base:
            self._keep(self._counts)
            self._counts = Counts(base)
        return self._counts

    def write(self) -> None:
        """Replace the file, if something was counted since.

        Raises:
            OSError: when the store cannot be written.
        """
        with self.lock:
            self._keep(self._counts)

    def _keep(self, counts: Counts | None) -> None:
        if counts is None:
            return
        content = orjson.dumps(counts.to_dict())
        if content == self._written:
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"{self._process}-{counts.base}.json"
        # Not flushed to the disk: a power cut may cost a second of counts, never more than the last file.
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(content)
        temporary.replace(path)
        self._written = content


def read_counts(store: Path, trial: str, *, base: str) -> Counts:
    """Join what all processes counted in a trial beside one active version.

    Fallback: a file that cannot be read is left out; the others still say enough, and it is replaced within a second.
    """
    joined = Counts(base)
    for path in sorted(directory_of_trial(store, trial).glob("*.json")):
        with contextlib.suppress(OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            counts = Counts.from_dict(orjson.loads(path.read_bytes()))
            if counts.base == base:
                joined.merge(counts)
    return joined


def remove_other_counts(store: Path, trial: str) -> None:
    """Remove what was counted in earlier trials."""
    for directory in (store / ROLLOUT_DIRECTORY).glob("trial-*"):
        if directory != directory_of_trial(store, trial):
            shutil.rmtree(directory, ignore_errors=True)


def directory_of_trial(store: Path, trial: str) -> Path:
    return store / ROLLOUT_DIRECTORY / f"trial-{trial}"
