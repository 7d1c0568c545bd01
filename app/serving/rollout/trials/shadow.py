"""A shadow: the active release answers everybody, and copies of some requests go to another process."""

from __future__ import annotations

import marshal
import os
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.runtime.loading import LoadedRelease
from app.serving.answering import Prediction, answer_rows
from app.serving.rollout.comparison.ledger import ROLLOUT_DIRECTORY, Ledger
from app.serving.rollout.comparison.tally import MOST_ROWS_COMPARED


@dataclass(frozen=True)
class RequestCopy:
    """A request as the caller sent it, with what the active version answered.

    Attributes:
        seconds: What its model took; None when only the first rows were copied, or some had been computed before.
    """

    base: str
    rows: Sequence[Any]
    labels: Sequence[Any]
    probabilities: Sequence[dict[str, float]] | None
    seconds: float | None

    def to_bytes(self) -> bytes:
        """Plain values only, for another process of the same program.

        Raises:
            ValueError: when there is something else among them.
        """
        members: Any = (self.base, self.rows, self.labels, self.probabilities, self.seconds)
        return marshal.dumps(members)

    @classmethod
    def from_bytes(cls, content: bytes) -> RequestCopy:
        # The socket lies in a directory that only the user of the service can enter.
        return cls(*marshal.loads(content))  # noqa: S302


class CopyAddress:
    """The socket of this host's shadow process, below a model store that others may share."""

    def __init__(self, store: Path) -> None:
        directory = store / ROLLOUT_DIRECTORY
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = directory / f"{socket.gethostname()}.socket"
        self._directory = os.open(directory, os.O_PATH | os.O_DIRECTORY)
        # The name of a socket has at most 107 bytes; the path of a store may have more.
        self.short = f"/proc/self/fd/{self._directory}/{self.path.name}"

    def close(self) -> None:
        os.close(self._directory)


class CopySender:
    """Sends copies without ever waiting: what the other side has no room for is dropped."""

    def __init__(self, store: Path) -> None:
        self._address = CopyAddress(store)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, copy: RequestCopy) -> bool:
        """Tell whether it went out. Fallback: it did not when nobody listens, the queue is full or it is too large."""
        try:
            self._socket.sendto(copy.to_bytes(), self._address.short)
        except (OSError, ValueError):
            return False
        return True

    def close(self) -> None:
        self._socket.close()
        self._address.close()


class ShadowTrial:
    """Copies a share of the answered requests."""

    routed_by: str | None = None

    def __init__(self, sender: CopySender, ledger: Ledger, *, share: float) -> None:
        self._sender = sender
        self._ledger = ledger
        self._share = share

    def answer(self, active: LoadedRelease, rows: Sequence[Any], route_value: str | None) -> Prediction:  # noqa: ARG002
        prediction = answer_rows(active, rows)
        if random.random() < self._share:  # noqa: S311 - a sample, nothing to guess
            self._copy(prediction, rows)
        return prediction

    def _copy(self, prediction: Prediction, rows: Sequence[Any]) -> None:
        base = prediction.manifest.version
        most = MOST_ROWS_COMPARED
        probabilities = prediction.probabilities and prediction.probabilities[:most]
        seconds = prediction.computed_seconds if len(rows) <= most else None
        was_sent = self._sender.send(RequestCopy(base, rows[:most], prediction.labels[:most], probabilities, seconds))
        with self._ledger.lock:
            counts = self._ledger.counts_against(base)
            counts.copies_sent += was_sent
            counts.copies_dropped += not was_sent
