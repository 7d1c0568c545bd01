"""`python -m tests.bench.rows.jobs`: a large upload, and a job whose worker is killed again and again."""

from __future__ import annotations

import csv
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import orjson
import psutil
import requests

from app.database import create_tables, opened_database
from app.security.keys.store import KeyStore
from config.settings import load_settings, require_secret
from tests.bench.command import bench_command, end_with, say
from tests.bench.rows.table import prepare, write_csv
from tests.flows.jobs.workers import running_worker
from tests.postgres_server import PostgresServer
from tests.redis_link.server import RedisServer
from tests.server import RunningServer, running_server, wait_until

MOST_GROWTH_MB = 50.0
UPLOAD_BYTES = 200_000_000
_SETTINGS = {"GLUONSERVE_UNSIGNED_RELEASES": "allow"}
_SECONDS = 500.0
_MB = 1e6


@dataclass(frozen=True)
class Figures:
    """Attributes: growth_mb: Of all web workers during an upload; seconds: From the upload to the result."""

    upload_mb: float
    growth_mb: float
    rows: int
    kills: int
    seconds: float
    is_exact: bool


@dataclass(frozen=True)
class Installation:
    """Attributes: redis: What its workers are told of jobs by; None where that is a file."""

    home: Path
    environment: Mapping[str, str]
    redis: RedisServer | None

    @contextmanager
    def without_redis(self) -> Iterator[None]:
        """Kill it for as long as the block lasts, with all messages in it."""
        if self.redis is None:
            yield
            return
        self.redis.kill()
        yield
        self.redis.start()


@bench_command(
    epilog="Exit code 1: a promise does not hold. Example: python -m tests.bench.rows.jobs --kills 5",
    quick="A tiny model and 100,000 rows.",
)
@click.option("--rows", default=1_000_000, show_default=True)
@click.option("--kills", default=5, show_default=True)
@click.option("--shared", is_flag=True, help="On PostgreSQL and Redis, which is killed before each kill of the worker.")
def main(quick: bool, rows: int, kills: int, shared: bool, predictors: Path, cache: Path) -> None:
    """Some minutes."""
    prepared, rows = prepare(predictors, cache, quick=quick), 100_000 if quick else rows
    with tempfile.TemporaryDirectory(dir=cache, prefix="jobs-") as place, installed(Path(place), shared) as here:
        home = here.home
        shutil.copytree(prepared.models, home / "models")
        say(f"writing {rows:,} rows, and what they are to be answered")
        write_csv(home / "rows.csv", prepared.rows, rows)
        predict(home)
        with running_server(home, environment=here.environment) as server:
            wait_until(server.is_ready, seconds=60)
            headers = {"X-API-Key": make_key(here), "Content-Type": "text/csv"}
            growth = measure_upload(server, home, headers)
            say(f"a job of {rows:,} rows, its worker killed {kills} times")
            started = time.perf_counter()
            result = run_job(server, here, headers, kills=kills)
            seconds = time.perf_counter() - started
        figures = Figures(UPLOAD_BYTES / _MB, growth, rows, kills, seconds, is_exact(home, *result))
    click.echo(orjson.dumps(asdict(figures), option=orjson.OPT_INDENT_2).decode())
    end_with(find_broken_promises(figures))


@contextmanager
def installed(home: Path, shared: bool) -> Iterator[Installation]:
    """Everything in files, or what several machines share in servers of its own."""
    if not shared:
        yield Installation(home, _SETTINGS, None)
        return
    with PostgresServer() as postgres, RedisServer() as redis:
        servers = {"DATABASE_URL": postgres.make_database(), "REDIS_URL": redis.url}
        yield Installation(home, {**_SETTINGS, **servers}, redis)


def predict(home: Path) -> None:
    command = [sys.executable, "-m", "app.cli", "predict", str(home / "rows.csv"), str(home / "expected.csv")]
    subprocess.run(command, env={**os.environ, "GLUONSERVE_HOME": str(home), **_SETTINGS}, check=True)


def make_key(here: Installation) -> str:
    settings = load_settings({"GLUONSERVE_HOME": str(here.home), **here.environment})
    with opened_database(settings.database_url) as database:
        create_tables(database)
        return KeyStore(database, require_secret(settings)).create("bench", ("jobs",)).text


def measure_upload(server: RunningServer, home: Path, headers: dict[str, str]) -> float:
    """Send the table over and over, as one; return by how much the web workers grew meanwhile, in MB."""
    content = (home / "rows.csv").read_bytes()
    before = _measure(server)
    most, is_over = [before], threading.Event()

    def look() -> None:
        while not is_over.wait(0.05):
            most[0] = max(most[0], _measure(server))

    def pieces() -> Iterator[bytes]:
        sent = 0
        while sent < UPLOAD_BYTES:
            piece = content[sent % len(content) :][:1_000_000][: UPLOAD_BYTES - sent]
            sent += len(piece)
            yield piece

    watcher = threading.Thread(target=look)
    watcher.start()
    answer = requests.post(f"{server.url}/jobs", data=pieces(), headers=headers, timeout=300)
    is_over.set()
    watcher.join()
    answer.raise_for_status()
    requests.delete(f"{server.url}/jobs/{answer.json()['id']}", headers=headers, timeout=60).raise_for_status()
    return most[0] - before


def _measure(server: RunningServer) -> float:
    return sum(psutil.Process(pid).memory_info().rss for pid in server.workers()) / _MB


def run_job(server: RunningServer, here: Installation, headers: dict[str, str], *, kills: int) -> tuple[str, Path]:
    with (here.home / "rows.csv").open("rb") as file:
        job = requests.post(f"{server.url}/jobs", data=file, headers=headers, timeout=300).json()
    address, chance = f"{server.url}/jobs/{job['id']}", random.Random(7)

    def done_share() -> float:
        found = requests.get(address, headers=headers, timeout=60).json()
        if found["state"] == "failed":
            raise click.ClickException(f"The job failed: {found['failure']}")
        return 2.0 if found["state"] == "done" else float(found["progress"] or 0.0)

    for number in range(kills):
        with running_worker(here.home, here.environment) as worker:
            # Spread over the job, and at any moment of a part.
            share = (number + chance.random()) / kills
            wait_until(lambda share=share: done_share() >= share, seconds=_SECONDS)  # type: ignore[misc]
            time.sleep(chance.random())
            with here.without_redis():
                time.sleep(chance.random())
                worker.kill()
    with running_worker(here.home, here.environment):
        wait_until(lambda: done_share() == 2.0, seconds=_SECONDS)
    kept = here.home / "result.csv"
    with (
        requests.get(f"{address}/result", headers=headers, timeout=300, stream=True) as answer,
        kept.open("wb") as sink,
    ):
        shutil.copyfileobj(answer.raw, sink)
    return job["id"], kept


def is_exact(home: Path, id: str, result: Path) -> bool:
    """Whether every row is there, once, in order and answered as without any job."""
    with (home / "expected.csv").open(newline="") as left, result.open(newline="") as right:
        expected, found = csv.reader(left), csv.reader(right)
        next(expected), next(found)
        return all(
            row == [f"{id[:24]}-{number}", *wanted]
            for number, (wanted, row) in enumerate(zip(expected, found, strict=True))
        )


def find_broken_promises(figures: Figures) -> Iterator[str]:
    if figures.growth_mb >= MOST_GROWTH_MB:
        yield f"The web workers grew by {figures.growth_mb:.0f} MB during an upload."
    if not figures.is_exact:
        yield "The result of the job is not what the rows are answered without one."


if __name__ == "__main__":
    main()
