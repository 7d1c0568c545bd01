"""Asks a candidate what the active version was asked, when there is time, and counts where they differ."""

from __future__ import annotations

import select
import socket
import time
from collections import deque

from app.runtime.loading import LoadedRelease
from app.runtime.predictions import Predictions
from app.serving.rollout.comparison.ledger import Ledger
from app.serving.rollout.trials.shadow import RequestCopy

_LARGEST_COPY = 1 << 20
_MOST_WAITING_BYTES = 16 << 20
_SECONDS_BETWEEN_WRITES = 1.0


class ShadowComparer:
    """One request after the other, in one thread. What arrives meanwhile waits, up to 16 MB of it.

    The time of the candidate is the CPU time of this process: waiting for an idle moment is not the model's part.
    """

    def __init__(self, release: LoadedRelease, ledger: Ledger, copies: socket.socket) -> None:
        self._release = release
        self._ledger = ledger
        self._copies = copies
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._next_write = 0.0
        self._dropped = 0

    def run(self, keeper: int) -> None:
        """Compare until the other end of the descriptor `keeper` is closed.

        Raises:
            OSError: when the store cannot be written.
        """
        while True:
            seconds = 0.0 if self._waiting else _SECONDS_BETWEEN_WRITES
            ready, _, _ = select.select([self._copies.fileno(), keeper], [], [], seconds)
            if keeper in ready:
                break
            self._receive()
            if self._waiting:
                self._compare(self._take_next())
            self._write_if_due()
        self._ledger.write()

    def _receive(self) -> None:
        """Take all copies out of the socket, which holds only a few of them."""
        while True:
            try:
                content = self._copies.recv(_LARGEST_COPY)
            except BlockingIOError:
                return
            if self._waiting_bytes + len(content) > _MOST_WAITING_BYTES:
                self._dropped += 1
                continue
            self._waiting.append(content)
            self._waiting_bytes += len(content)

    def _take_next(self) -> RequestCopy:
        content = self._waiting.popleft()
        self._waiting_bytes -= len(content)
        return RequestCopy.from_bytes(content)

    def _compare(self, copy: RequestCopy) -> None:
        if copy.base == self._release.manifest.version:
            return
        answers, seconds = self._ask_candidate(copy)
        with self._ledger.lock:
            counts = self._ledger.counts_against(copy.base)
            counts.copies_dropped += self._dropped
            self._dropped = 0
            counts.active.add_answer(copy.labels, copy.probabilities, seconds=copy.seconds)
            if answers is None:
                counts.candidate.add_error()
                return
            known = seconds if copy.seconds is not None else None
            counts.candidate.add_answer(answers.labels, answers.probabilities, seconds=known)
            counts.differences.add(answers.labels, answers.probabilities, copy.labels, copy.probabilities)

    def _ask_candidate(self, copy: RequestCopy) -> tuple[Predictions | None, float]:
        """The candidate's answers, None where it has none whatever the reason, and what its model took."""
        started = time.process_time()
        try:
            rows = self._release.validator.check(copy.rows).rows
            started = time.process_time()
            answers = self._release.executor.predict(rows)
        except Exception:
            return None, 0.0
        return answers, time.process_time() - started

    def _write_if_due(self) -> None:
        now = time.monotonic()
        if now >= self._next_write:
            self._next_write = now + _SECONDS_BETWEEN_WRITES
            self._ledger.write()
