"""The answers that one process remembers."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping

# What an entry takes beside its answer: two objects of bytes, a name of 40, a place in the table and in the order.
ENTRY_BYTES = 350


class RowMemory:
    """Answers, as bytes, by the names of their rows. The least recently used are forgotten when there is no more room.

    Attributes:
        most_bytes: The room that there is.
        used_bytes: What of it is taken.
        evicted: Answers that were forgotten to make room.
    """

    def __init__(self, *, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.used_bytes = self.evicted = 0
        self._answers: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, names: Iterable[bytes]) -> dict[bytes, bytes]:
        """Those that are remembered."""
        found = {}
        answers = self._answers
        with self._lock:
            for name in names:
                answer = answers.get(name)
                if answer is not None:
                    found[name] = answer
                    answers.move_to_end(name)
        return found

    def remember(self, answers: Mapping[bytes, bytes]) -> None:
        with self._lock:
            for name, answer in answers.items():
                self._remove(name)
                self._answers[name] = answer
                self.used_bytes += len(answer) + ENTRY_BYTES
            while self.used_bytes > self.most_bytes and self._answers:
                self._remove(next(iter(self._answers)))
                self.evicted += 1

    def forget(self, owner: bytes) -> None:
        """Forget all whose names begin so."""
        with self._lock:
            for name in [name for name in self._answers if name.startswith(owner)]:
                self._remove(name)

    def _remove(self, name: bytes) -> None:
        answer = self._answers.pop(name, None)
        if answer is not None:
            self.used_bytes -= len(answer) + ENTRY_BYTES
