"""When the answer to a request is due: set where it comes in, asked wherever it would go on or wait."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from app.errors import DeadlineExceeded


@dataclass(frozen=True)
class Deadline:
    """A moment of time.monotonic()."""

    due: float = math.inf

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    def seconds_left(self) -> float | None:
        """What may still be waited, as threading takes it: None is for ever, 0 is not at all."""
        return None if self.due == math.inf else max(0.0, self.due - time.monotonic())

    def require_time(self) -> None:
        """Raise DeadlineExceeded when it is over: an answer that nobody waits for is not worth computing."""
        if self.due != math.inf and time.monotonic() >= self.due:
            raise DeadlineExceeded("The request could not be answered in the time that it had; nothing was predicted.")


NO_DEADLINE = Deadline()
# Between the request and who waits for a pass of the model lie rooms that have nothing to do with time.
_current: ContextVar[Deadline] = ContextVar("deadline", default=NO_DEADLINE)


def current_deadline() -> Deadline:
    """That of the request which this thread answers."""
    return _current.get()


@contextmanager
def answering_by(deadline: Deadline) -> Iterator[None]:
    token = _current.set(deadline)
    try:
        yield
    finally:
        _current.reset(token)
