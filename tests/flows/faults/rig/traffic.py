"""Requests with names of their own, sent at a constant rate, and what became of them."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import overload
from urllib.parse import urlsplit

from app.monitoring.prediction_log.reader import LogReader
from tests.bench.load.open_loop import Answer, OpenLoad, measure_capacity, open_load
from tests.flows.faults.rig.scale import Scale

Address = tuple[str, int]

OK, REFUSED = 200, 503
# Of what the server answers to callers who each wait for their answer.
SHARE_OF_CAPACITY = 0.6
_CAPACITY_CALLERS = 8
_CAPACITY_SECONDS = 4.0
NO_MARK = b" " * 40
_MOST_REQUESTS = 10_000_000


class NumberedRequests(Sequence[bytes]):
    """The given requests in turn, over and over, each with an X-Request-ID and a body of its own.

    A body that is under way at two deaths and not answered in between is refused; those of callers differ, too. Each
    has another mark at its end, of spaces and tabs, which no reader of JSON sees.
    """

    def __init__(self, requests: Sequence[bytes]) -> None:
        assert all(request.endswith(NO_MARK) for request in requests)
        self._requests = [request.removesuffix(NO_MARK) for request in requests]
        self._name = secrets.token_hex(4)
        self._first_mark = secrets.randbits(len(NO_MARK))

    def __len__(self) -> int:
        return _MOST_REQUESTS

    @overload
    def __getitem__(self, number: int) -> bytes: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[bytes]: ...

    def __getitem__(self, number: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(number, slice):
            return [self[position] for position in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(number)
        request = self._requests[number % len(self._requests)]
        named = request.replace(b"\r\n\r\n", f"\r\nX-Request-ID: {self._name}-{number}\r\n\r\n".encode(), 1)
        return named + make_mark(self._first_mark + number)


def make_mark(number: int) -> bytes:
    digits = format(number % 2 ** len(NO_MARK), f"0{len(NO_MARK)}b")
    return digits.translate({ord("0"): " ", ord("1"): "\t"}).encode()


@dataclass(frozen=True)
class Blow:
    """Something that was done to a process, at a moment of time.perf_counter()."""

    pid: int
    at: float


def find_address(url: str) -> Address:
    place = urlsplit(url)
    return str(place.hostname), int(place.port or 0)


@contextmanager
def load_on(
    address: Address, requests: Sequence[bytes], *, rate: float, quiet_seconds: float = 0.3
) -> Iterator[OpenLoad]:
    """Send numbered requests until the end of the block; some are answered before it begins and after it ends."""
    with open_load(address, NumberedRequests(requests), rate=rate) as load:
        time.sleep(quiet_seconds)
        yield load
        time.sleep(quiet_seconds)


def choose_rate(
    scale: Scale, address: Address, requests: Sequence[bytes], *, short: float, share: float = SHARE_OF_CAPACITY
) -> float:
    """Requests a second: a share of what is answered to some callers who each wait; in short tests what is given."""
    if not scale.is_whole:
        return short
    for seconds in (1.0, _CAPACITY_SECONDS):
        numbered = NumberedRequests(requests)
        capacity = measure_capacity(address, numbered, callers=_CAPACITY_CALLERS, seconds=seconds)
    return share * capacity


def list_failed(answers: Sequence[Answer]) -> list[Answer]:
    return [answer for answer in answers if answer.status != OK]


def count_refused(answers: Sequence[Answer]) -> int:
    """Those that were told at once that too many wait."""
    return sum(answer.status == REFUSED and b'"overloaded"' in answer.body for answer in answers)


def describe_failures(answers: Sequence[Answer]) -> Counter[str]:
    """How often what became of requests that were not answered with 200."""
    return Counter(answer.fault or f"{answer.status} {answer.body[:200]!r}" for answer in list_failed(answers))


def find_served_again(answers: Sequence[Answer], blow: float) -> float | None:
    """Seconds from a moment to the first answer to a request that was sent after it; None when there was none."""
    moments = [answer.received for answer in answers if answer.sent > blow and answer.status == OK]
    return min(moments) - blow if moments else None


def count_most_at_once(failed: Sequence[Answer], blows: Sequence[Blow]) -> int:
    """How many failures came at most between one blow and the next."""
    counts = Counter(sum(blow.at <= answer.received for blow in blows) for answer in failed)
    return max(counts.values(), default=0)


def list_elsewhere(failed: Sequence[Answer], blows: Sequence[Blow], *, slack_seconds: float) -> list[Answer]:
    """Failures of requests that were not under way at any blow."""
    return [
        answer
        for answer in failed
        if not any(answer.sent - slack_seconds <= blow.at <= answer.received for blow in blows)
    ]


def count_duplicates(home: Path) -> tuple[int, int]:
    """How many requests the prediction log of a home tells of, and how many lines there are too many."""
    opened = LogReader(home / "logs" / "predictions")
    logged: Counter[str] = Counter()
    while records := opened.read(100_000):
        logged.update(record["request_id"] for record in records if record["kind"] == "request")
    return len(logged), logged.total() - len(logged)
