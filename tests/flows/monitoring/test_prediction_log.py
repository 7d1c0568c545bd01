"""The prediction log of a real server: on a volume that fills up, and of workers that are killed."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.monitoring.prediction_log.reader import LogReader, Record
from tests.bench.load.client import generate_load
from tests.bench.load.requests import make_requests
from tests.flows.monitoring.scraping import scrape
from tests.flows.monitoring.tail_losses import Kill, compare, kill_workers
from tests.flows.monitoring.volumes import small_volume
from tests.monitoring.watcher.builders import START, append_records, make_record
from tests.server import RunningServer, running_server, wait_until

READY_SECONDS = 60
CONNECTIONS = 8


class Caller:
    """Sends a server single rows on several connections."""

    def __init__(self, server: RunningServer, key: str) -> None:
        sample: dict[str, Any] = server.get("/model/schema", key).json()["sample"]
        place = urlsplit(server.url)
        self._address = (str(place.hostname), int(place.port or 0))
        self.request = make_requests([sample], rows_per_request=1, key=key, count=1)[0]

    def send_until(self, holds: Callable[[], bool]) -> int:
        """Return how many were sent; all were answered."""
        answered = self.send(seconds=0.5)
        while not holds():
            answered += self.send(seconds=0.5)
        return answered

    def send(self, *, seconds: float) -> int:
        """Return how many were sent; all were answered."""
        result = generate_load(self._address, [self.request], concurrency=CONNECTIONS, seconds=seconds)
        assert result.faults == []
        return len(result.latencies_ms)


@contextmanager
def served(home: Path, key: str) -> Iterator[tuple[RunningServer, Caller]]:
    settings = {
        "GLUONSERVE_METRICS_NETWORKS": "127.0.0.0/8",
        "GLUONSERVE_MONITOR": "off",
        "GLUONSERVE_LOG_INPUTS": "all",
    }
    with running_server(home, environment=settings) as server:
        wait_until(server.is_ready, seconds=READY_SECONDS)
        yield server, Caller(server, key)


def read_log(home: Path) -> Sequence[Record]:
    opened = LogReader(home / "logs" / "predictions")
    records = opened.read(1_000_000)
    assert opened.damaged_lines == 0
    return records


def count_lines(server: RunningServer) -> tuple[float, float]:
    """Written and lost, as the metrics of all workers tell."""
    samples = scrape(server, None)
    written, lost = (f"gluonserve_prediction_log_{kind}_total" for kind in ("lines", "lost_lines"))
    return samples[written, ()], samples[lost, ()]


def add_up(records: Sequence[Record]) -> Counter[str]:
    """Requests in the log, and those that it says are missing."""
    told: Counter[str] = Counter()
    for record in records:
        told["requests"] += record["kind"] == "request"
        told["lost"] += record.get("lines", 0)
    return told


def test_a_full_volume_costs_no_prediction_and_each_line_that_it_costs_is_counted(
    plan_home: Path, tmp_path: Path, make_key: Callable[..., str]
) -> None:
    home, key = copy_home(plan_home, tmp_path), make_key(tmp_path / "home", "predict", "model_info")
    with small_volume(home / "logs"), served(home, key) as (server, caller):
        answered = caller.send_until(lambda: count_lines(server)[1] > 100)
        wait_until(lambda: sum(count_lines(server)) == answered, seconds=10)
        written, lost = count_lines(server)
        before = add_up(read_log(home))
        assert (before["requests"], before["lost"] <= lost) == (written, True)
        for path in (home / "logs" / "predictions").iterdir():
            path.unlink()
        # Few, so that the volume is not full again.
        more = caller.send(seconds=0.05)
        wait_until(lambda: count_lines(server) == (written + more, lost), seconds=10)
        wait_until(lambda: (before + add_up(read_log(home)))["lost"] == lost, seconds=10)
        assert (before + add_up(read_log(home)))["requests"] == answered + more - lost
        told = [event for event in server.log_events() if "loses lines" in event["message"]]
        assert 1 <= len(told) <= 2


def copy_home(plan_home: Path, tmp_path: Path) -> Path:
    home = tmp_path / "home"
    shutil.copytree(plan_home / "models", home / "models")
    return home


def test_killed_workers_lose_the_ends_of_their_logs_only(
    plan_home: Path, tmp_path: Path, make_key: Callable[..., str]
) -> None:
    home, key = copy_home(plan_home, tmp_path), make_key(tmp_path / "home", "predict", "model_info")
    with served(home, key) as (server, caller):
        found = kill_workers(server, home, caller.request, kills=3, rate=60)
    assert (found.not_of_a_tail, found.invented, found.damaged) == (0, 0, 0)
    assert found.lost < found.answered / 2


def test_a_line_that_is_missing_elsewhere_or_invented_is_found(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "predictions" / "host-71-1-0001.jsonl"
    append_records(log, *(make_record(number, request_id=f"k{number}") for number in (0, 1, 3, 4, 4)))
    answered = {f"k{number}": START.timestamp() + number for number in range(7)}
    kill = Kill(71, START.timestamp() + 6)
    found = compare(tmp_path, answered, [kill], sent=answered)
    assert (found.lost, found.not_of_a_tail, found.invented, found.oldest_seconds) == (3, 1, 1, 1.0)
    assert compare(tmp_path, answered, [], sent={"k0"}).invented == 4
