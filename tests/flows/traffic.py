"""A server with two versions under an open load of a test, every answer of which is judged at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.release.store import ReleaseStore
from tests.bench.load.open_loop import Answer, open_load
from tests.bench.switching.judging import Expected, Faults
from tests.bench.switching.operator import Operator
from tests.bench.switching.traffic import make_traffic
from tests.server import RunningServer, running_server, wait_until

READY_SECONDS = 90
# Before the first change and after the last, so that answers around both are seen.
_QUIET_SECONDS = 0.3


@dataclass(frozen=True)
class KnownAnswers:
    """Rows, and what each version answers to them."""

    rows: Sequence[Any]
    expected: Expected


class Load:
    """A load on a running server, somebody who changes its versions, and what became of the requests meanwhile.

    Attributes:
        answers: Complete when the block has ended; so are the `faults`.
    """

    def __init__(self, server: RunningServer, store: ReleaseStore, key: str) -> None:
        self.server = server
        self.store = store
        self.operator = Operator(server.url, store, key=key)
        self.answers: Sequence[Answer] = ()
        self.faults = Faults(failed=[], mixed=[], old=[])

    def count_versions(self) -> Mapping[str, int]:
        """How many answers each version gave."""
        versions = [answer.body.partition(b'"version":"')[2][:1].decode() for answer in self.answers]
        return {version: versions.count(version) for version in sorted(set(versions))}


@contextmanager
def load_on(
    server: RunningServer, store: ReleaseStore, key: str, known: KnownAnswers, *, rate: float
) -> Iterator[Load]:
    """Send a ready server so many requests a second until the end of the block, then judge its answers."""
    traffic = make_traffic(known.rows, known.expected, key=key)
    applied, place = Load(server, store, key), urlsplit(server.url)
    with open_load((str(place.hostname), int(place.port or 0)), traffic.requests, rate=rate) as load:
        time.sleep(_QUIET_SECONDS)
        yield applied
        time.sleep(_QUIET_SECONDS)
    operator = applied.operator
    applied.answers = load.answers
    applied.faults = traffic.judge_with(operator.changes, first=operator.first).judge(load.answers)


@contextmanager
def server_under_load(
    home: Path, key: str, known: KnownAnswers, *, rate: float, environment: Mapping[str, str] | None = None
) -> Iterator[Load]:
    """Serve a home under load until the end of the block."""
    with running_server(home, environment=environment) as server:
        wait_until(server.is_ready, seconds=READY_SECONDS)
        with load_on(server, ReleaseStore(home / "models"), key, known, rate=rate) as load:
            yield load
