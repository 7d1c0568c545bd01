"""How much of a worker's time one caller's large requests may take while other callers are there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

# A caller counts as present for so long after a request of its.
PRESENCE_SECONDS = 5.0
# What a caller may owe and still begin another large request.
FREE_SECONDS = 0.1
# Who is present is counted by looking at every caller, so not at every request of somebody who asks in a loop.
_COUNT_KEPT_SECONDS = 0.05


class ProcessorShare(Protocol):
    """Who may begin a large request now. Requests that take less than some milliseconds only show their caller."""

    def note_presence(self, caller: str) -> None: ...

    def seconds_to_wait(self, caller: str) -> float:
        """How long a caller has to wait before a large request; 0 when it may begin."""

    def begin(self, caller: str, *, expected_seconds: float) -> float:
        """A large request begins: count what it will take. Returns what `end` has to be told."""

    def end(self, caller: str, begun: float, *, expected_seconds: float) -> float:
        """It has ended: count what it took in place of what was expected, and return that."""


class WholeProcessor:
    """Lets every caller take all it can get."""

    def note_presence(self, caller: str) -> None: ...

    def seconds_to_wait(self, caller: str) -> float:  # noqa: ARG002
        return 0.0

    def begin(self, caller: str, *, expected_seconds: float) -> float:  # noqa: ARG002
        return 0.0

    def end(self, caller: str, begun: float, *, expected_seconds: float) -> float:  # noqa: ARG002
        return expected_seconds


@dataclass
class _Account:
    """What a caller owes at a moment, when it last was there, and how many large requests of its are under way.

    While some are, it may owe less than nothing: what they take is only known when they end.
    """

    owed_seconds: float
    at: float
    seen_at: float
    under_way: int = 0


class FairProcessorShare:
    """Shares the time of this worker among callers of large requests, as long as anybody else wants it too.

    Large requests put their caller in debt by the time of the worker that they take: while n of them are under way,
    each takes an n-th of it, whichever library computes and however slow the machine is at the moment. A debt is paid
    back at the caller's rate, and who owes more than `FREE_SECONDS` waits, unless it is alone: then it may use the
    whole worker, and pays back as fast as time passes. While callers without debts are there, the indebted ones share
    `share` of the worker among them, else all of it. A caller thus has one large request at a time in each worker, then
    a pause; a single request may take longer than a share of any window, and the pause after it grows with it.

    Each worker counts by itself: its time is its own, and who is not there is not in the way.
    """

    def __init__(self, *, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._lock = threading.Lock()
        self._accounts: dict[str, _Account] = {}
        self._is_contended = False
        self._rate = 1.0
        self._counted_at = -_COUNT_KEPT_SECONDS
        self._under_way = 0
        # What a request would have taken that is under way since the beginning.
        self._worked_seconds = 0.0
        self._worked_at = clock()

    @property
    def known_callers(self) -> int:
        return len(self._accounts)

    def note_presence(self, caller: str) -> None:
        # Without the lock: setting one attribute is atomic, and an account that was just removed is made again.
        account, now = self._accounts.get(caller), self._clock()
        if account is None or now - account.seen_at > PRESENCE_SECONDS:
            self._admit_caller(caller, now)
        else:
            account.seen_at = now

    def seconds_to_wait(self, caller: str) -> float:
        self.note_presence(caller)
        with self._lock:
            account = self._settle(caller)
            if not self._is_contended:
                return 0.0
            too_much = account.owed_seconds - FREE_SECONDS
            if account.under_way:
                # It ends some time; to be told more exactly, the caller has to ask again.
                too_much = max(FREE_SECONDS, too_much)
            return max(0.0, too_much) / self._rate

    def begin(self, caller: str, *, expected_seconds: float) -> float:
        with self._lock:
            account = self._settle(caller)
            account.owed_seconds += expected_seconds
            account.under_way += 1
            self._work()
            self._under_way += 1
            return self._worked_seconds

    def end(self, caller: str, begun: float, *, expected_seconds: float) -> float:
        with self._lock:
            self._work()
            self._under_way -= 1
            took = self._worked_seconds - begun
            account = self._accounts[caller]
            account.owed_seconds += took - expected_seconds
            account.under_way -= 1
            self._settle(caller)
            return took

    def _work(self) -> None:
        now = self._clock()
        if self._under_way:
            self._worked_seconds += (now - self._worked_at) / self._under_way
        self._worked_at = now

    def _admit_caller(self, caller: str, now: float) -> None:
        with self._lock:
            self._accounts.setdefault(caller, _Account(0.0, now, now)).seen_at = now
            self._count_callers(now)

    def _settle(self, caller: str) -> _Account:
        """Pay back what time has paid back since the last look."""
        now = self._clock()
        if now - self._counted_at >= _COUNT_KEPT_SECONDS:
            self._count_callers(now)
        account = self._accounts.setdefault(caller, _Account(0.0, now, now))
        account.owed_seconds -= self._rate * (now - account.at)
        if not account.under_way:
            account.owed_seconds = max(0.0, account.owed_seconds)
        account.at = now
        return account

    def _count_callers(self, now: float) -> None:
        present = indebted = 0
        for caller, account in list(self._accounts.items()):
            if account.under_way or now - account.seen_at <= PRESENCE_SECONDS:
                present += 1
                indebted += account.under_way > 0 or account.owed_seconds > FREE_SECONDS
            elif account.owed_seconds <= self._rate * (now - account.at):
                del self._accounts[caller]
        self._is_contended = present > 1
        shared = self._share if present > max(1, indebted) else 1.0
        self._rate = shared / max(1, indebted)
        if not self._is_contended:
            self._rate = 1.0
        self._counted_at = now
