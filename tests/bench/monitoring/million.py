"""`python -m tests.bench.monitoring.million`: a day of a million requests, watched; memory has to stay flat."""

from __future__ import annotations

import math
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import click
import orjson
import psutil

from app.monitoring.observation import RequestObserved
from app.monitoring.prediction_log.inputs import NoInputs
from app.monitoring.prediction_log.record import LineWriter
from app.wiring.prediction_log import find_prediction_log
from config.settings import load_settings
from tests.bench.command import end_with, say
from tests.monitoring.builders import make_answer, make_event

MOST_GROWTH_MB = 10.0
FILES = 8
SECONDS_OF_A_DAY = 86_400
# By then all of the program has been loaded, and the first windows are there.
_WARM, _READ = 0.1, 0.999
_MB = 1e6


@dataclass(frozen=True)
class Reading:
    """How much of the log had been read at a moment, and what memory the watcher took."""

    share: float
    rss_mb: float


def write_log(directory: Path, requests: int) -> int:
    """A log of so many requests of one row, spread over the last day and over the files of workers; return its size."""
    directory.mkdir(parents=True)
    writer = LineWriter(NoInputs(), with_outputs=True)
    chance, begun = random.Random(11), time.time() - SECONDS_OF_A_DAY
    of_each = requests // FILES
    for number in range(FILES):
        with (directory / f"bench-{number}.jsonl").open("wb") as file:
            for n in range(of_each):
                ended_at = begun + (number + n / of_each) / FILES * SECONDS_OF_A_DAY
                file.write(writer.write(_make_request(chance, ended_at)))
    return sum(path.stat().st_size for path in directory.iterdir())


def _make_request(chance: random.Random, ended_at: float) -> RequestObserved:
    share = chance.random()
    seconds = chance.lognormvariate(-7, 0.6)
    answer = make_answer(
        predict_seconds=seconds / 2,
        prediction_ids=(f"{chance.getrandbits(96):024x}-0",),
        labels=["Yes" if share > 0.5 else "No"],
        probabilities=[{"No": 1 - share, "Yes": share}],
    )
    if share < 0.01:
        return make_event(None, status=422, error="invalid_rows", ended_at=ended_at, seconds=seconds, key="abcdefgh")
    return make_event(answer, ended_at=ended_at, seconds=seconds, key=f"key-{int(40 * share)}")


def watch(home: Path, log_bytes: int) -> Iterator[Reading]:
    """Run `gluonserve monitor --once`, and look at it while it works."""
    command = [sys.executable, "-m", "app.cli", "monitor", "--once"]
    process = subprocess.Popen(command, env={**os.environ, "GLUONSERVE_HOME": str(home)})
    seen = psutil.Process(process.pid)
    while process.poll() is None:
        time.sleep(0.1)
        try:
            rss_mb = seen.memory_info().rss / _MB
        except psutil.Error:
            break
        yield Reading(_read_share(home, log_bytes), rss_mb)
    if process.wait() != 0:
        raise click.ClickException("The watcher failed.")


def _read_share(home: Path, log_bytes: int) -> float:
    if not (home / "watcher.db").exists():
        return 0.0
    with closing(sqlite3.connect(home / "watcher.db", timeout=5)) as connection:
        try:
            row = connection.execute("SELECT document FROM states WHERE name = 'reading'").fetchone()
        except sqlite3.OperationalError:  # Its tables are not there yet.
            return 0.0
    return sum(offset for _, offset in orjson.loads(row[0]).values()) / log_bytes if row else 0.0


def count_told(home: Path) -> int:
    with closing(sqlite3.connect(home / "gluonserve.db")) as connection:
        documents = connection.execute("SELECT document FROM snapshots WHERE kind = 'traffic_hour'").fetchall()
    return sum(orjson.loads(document)["requests"] for (document,) in documents)


@click.command(epilog="Exit code 1 says that a promise does not hold.")
@click.option("--requests", default=1_000_000, show_default=True, help="How many are in the log.")
def main(requests: int) -> None:
    """Measure how fast the watcher reads, and what memory it takes."""
    with tempfile.TemporaryDirectory(prefix="gluonserve-million-") as directory:
        home = Path(directory)
        log_bytes = write_log(find_prediction_log(load_settings({"GLUONSERVE_HOME": str(home)})), requests)
        say(f"{requests} requests, {log_bytes / _MB:.0f} MB")
        begun, own = time.monotonic(), os.times()
        readings = list(watch(home, log_bytes))
        seconds, children = time.monotonic() - begun, os.times()
        processor = children.children_user + children.children_system - own.children_user - own.children_system
        told = count_told(home)
    growth_mb = _tell_memory(readings)
    click.echo(f"{requests / seconds:.0f} requests/s: {seconds:.1f} s with the start, {processor:.1f} s of a processor")
    end_with(_find_broken(requests, told, growth_mb))


def _tell_memory(readings: Sequence[Reading]) -> float:
    """Print what memory it took; return by how much it grew while it read."""
    for share in (_WARM, 0.25, 0.5, 0.75, 0.95):
        click.echo(f"memory at {share:.0%} of the log: {_find_memory(readings, share):.1f} MB")
    most_mb = max((reading.rss_mb for reading in readings if reading.share < _READ), default=math.nan)
    click.echo(f"most memory while reading: {most_mb:.1f} MB")
    click.echo(f"most memory when all minutes of the day are told at once: {max(r.rss_mb for r in readings):.1f} MB")
    return most_mb - _find_memory(readings, _WARM)


def _find_memory(readings: Sequence[Reading], share: float) -> float:
    return next((reading.rss_mb for reading in readings if reading.share >= share), math.nan)


def _find_broken(requests: int, told: int, growth_mb: float) -> Iterator[str]:
    if told != requests // FILES * FILES:
        yield f"{told} of {requests} requests are in the snapshots."
    if growth_mb > MOST_GROWTH_MB:
        yield f"Memory grew by {growth_mb:.1f} MB."


if __name__ == "__main__":
    main()
