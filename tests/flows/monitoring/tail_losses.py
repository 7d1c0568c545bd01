"""What the prediction log of a server lost when workers were killed: which requests, and how long before."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from app.monitoring.prediction_log.reader import LogReader
from app.runtime.switching.workers import list_live_workers
from tests.bench.load.open_loop import open_load
from tests.server import RunningServer, wait_until

_OK = 200
_WORKERS = 2
_READY_SECONDS = 60
_MOST_REQUESTS = 200_000
_PROCESS = re.compile(r"-(\d+)-\d+-\d+\.jsonl$")
# A client reads an answer later than the worker made it, on a busy machine much later.
_SLACK_SECONDS = 1.0


@dataclass(frozen=True)
class Kill:
    """Seconds since 1970."""

    process: int
    at: float


@dataclass(frozen=True)
class TailLosses:
    """What became of the requests that were answered while workers were killed.

    Attributes:
        lost: Those of which there is no line.
        oldest_seconds: How long before the kill the oldest of them was answered.
        most_at_once: How many one kill took.
        not_of_a_tail: Lost ones that were answered before the last line of every worker that was killed then: none.
        invented: Lines of requests that nobody sent, or that are there twice: none.
        damaged: Whole lines that are no records: none.
    """

    kills: int
    answered: int
    lost: int
    oldest_seconds: float
    most_at_once: int
    not_of_a_tail: int
    invented: int
    damaged: int


def kill_workers(
    server: RunningServer, home: Path, request: bytes, *, kills: int, rate: float, seed: int = 1
) -> TailLosses:
    """Kill one of two workers after the other, at random moments of a load; compare what was answered with the log."""
    place, chance = urlsplit(server.url), random.Random(seed)
    requests = [_number(request, number) for number in range(_MOST_REQUESTS)]
    wait_until(lambda: len(_list_workers(home)) == _WORKERS, seconds=_READY_SECONDS)
    offset = time.time() - time.perf_counter()
    done: list[Kill] = []
    with open_load((str(place.hostname), int(place.port or 0)), requests, rate=rate) as load:
        for _ in range(kills):
            time.sleep(chance.uniform(0.05, 0.6))
            process = chance.choice(_list_workers(home))
            done.append(Kill(process, time.time()))
            os.kill(process, signal.SIGKILL)
            # For a moment the killed one still counts as living.
            wait_until(lambda gone=process: _is_replaced(home, gone), seconds=_READY_SECONDS)  # type: ignore[misc]
        time.sleep(0.5)
    time.sleep(0.5)
    answered = {f"k{answer.request}": answer.received + offset for answer in load.answers if answer.status == _OK}
    return compare(home, answered, done, sent={f"k{answer.request}" for answer in load.answers})


def _number(request: bytes, number: int) -> bytes:
    return request.replace(b"\r\n\r\n", f"\r\nX-Request-ID: k{number}\r\n\r\n".encode(), 1)


def _is_replaced(home: Path, process: int) -> bool:
    workers = _list_workers(home)
    return len(workers) == _WORKERS and process not in workers


def _list_workers(home: Path) -> list[int]:
    return [worker.pid for worker in list_live_workers(home / "models").values() if worker.active is not None]


def compare(home: Path, answered: Mapping[str, float], kills: Sequence[Kill], *, sent: Collection[str]) -> TailLosses:
    """
    Args:
        answered: When each request was answered with a prediction, in seconds since 1970, by its id.
        sent: The ids of all that were sent, answered or not.
    """
    opened = LogReader(home / "logs" / "predictions")
    logged: Counter[str] = Counter()
    while records := opened.read(_MOST_REQUESTS):
        logged.update(record["request_id"] for record in records if record["kind"] == "request")
    lost = [moment for id, moment in answered.items() if id not in logged]
    last_lines = _find_last_lines(home)
    tails = [(last_lines.get(kill.process, 0.0), kill.at) for kill in kills]
    ages = [_find_age(moment, tails) for moment in lost]
    by_kill = Counter(kill for _, kill in (age for age in ages if age is not None))
    return TailLosses(
        kills=len(kills),
        answered=len(answered),
        lost=len(lost),
        oldest_seconds=max((seconds for seconds, _ in (age for age in ages if age is not None)), default=0.0),
        most_at_once=max(by_kill.values(), default=0),
        not_of_a_tail=ages.count(None),
        invented=sum(count - (id in sent) for id, count in logged.items()),
        damaged=opened.damaged_lines,
    )


def _find_age(moment: float, tails: Sequence[tuple[float, float]]) -> tuple[float, int] | None:
    """How long before which kill; None when it was in the tail of none."""
    found = [
        (max(0.0, kill - moment), number)
        for number, (last_line, kill) in enumerate(tails)
        if last_line <= moment <= kill + _SLACK_SECONDS
    ]
    return min(found, default=None)


def _find_last_lines(home: Path) -> dict[int, float]:
    """When the last request ended that a process has logged, by the id of the process."""
    found: dict[int, float] = {}
    for path in (home / "logs" / "predictions").iterdir():
        lines = path.read_bytes().split(b"\n")[:-1]
        match = _PROCESS.search(path.name)
        moments = re.findall(rb'"at":"([^"]+)"', lines[-1]) if lines else []
        if match and moments:
            moment = datetime.fromisoformat(moments[0].decode().replace("Z", "+00:00")).timestamp()
            found[int(match[1])] = max(moment, found.get(int(match[1]), 0.0))
    return found
