"""How heavy and how fast is the dashboard? `python -m tests.bench.monitoring.page`; needs `chromium` on PATH.

A server with one worker and a real model, what the watcher tells of a busy hour with so many features written for it,
and a browser on the same machine. Exit code 1: the page is heavier than 300 kB, or shows later than within a second, or
the browser complains.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import click
import requests
from playwright.sync_api import Browser, Page

from app.database import opened_database
from app.monitoring.snapshots import SnapshotStore
from config.settings import load_settings
from tests.api.dashboard.builders import list_busy_hour
from tests.bench.command import bench_command, end_with, run_child
from tests.bench.scope import CHURN
from tests.browsing.chromium import opened_chromium, opened_page
from tests.flows.conftest import open_keys
from tests.server import RunningServer, running_server, wait_until

MOST_BYTES, MOST_PAINT_MS = 300_000, 1000.0
ASSETS = ("dashboard.css", "dashboard.js", "icon.svg")
# Releases are made for one measurement, by nobody: no key has signed them.
SETTINGS = {"GLUONSERVE_UNSIGNED_RELEASES": "allow", "GLUONSERVE_MONITOR": "off"}
_FIRST_PAINT = """() => new Promise((resolve) => new PerformanceObserver((list) => {
    for (const entry of list.getEntriesByName("first-contentful-paint")) resolve(entry.startTime);
}).observe({type: "paint", buffered: true}))"""


@bench_command(
    epilog="Example: python -m tests.bench.monitoring.page --features 1000",
    quick="Three looks in place of twenty.",
)
@click.option("--features", default=30, help="How many features the model has, as far as the watcher tells.")
def main(features: int, quick: bool, predictors: Path, cache: Path) -> None:
    """Weigh the page, and look at it."""
    prepared = run_child("tests.bench.models.prepare", CHURN.name, str(predictors), str(cache))
    looks = 3 if quick else 20
    with serving_busy_hour(Path(prepared["store"]), features) as (server, key), opened_chromium() as browser:
        weights = weigh(server, key)
        answered_ms = time_answers(server, key, looks)
        painted_ms, complaints = time_paints(browser, server, key, looks)
    for name, size in weights.items():
        click.echo(f"{name:>16}  {size:>9,} bytes")
    click.echo(f"{'all':>16}  {sum(weights.values()):>9,} bytes")
    click.echo(f"{'answered':>16}  {statistics.median(answered_ms):>9.1f} ms in the middle of {looks}")
    click.echo(f"{'first paint':>16}  {statistics.median(painted_ms):>9.1f} ms, at most {max(painted_ms):.1f}")
    end_with(find_broken_promises(sum(weights.values()), max(painted_ms), complaints))


@contextmanager
def serving_busy_hour(models: Path, features: int) -> Iterator[tuple[RunningServer, str]]:
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        environment = {**SETTINGS, "MODEL_PATH": str(models)}
        with running_server(home, workers=1, environment=environment) as server:
            wait_until(server.is_ready, seconds=120)
            with opened_database(load_settings({"GLUONSERVE_HOME": directory}).database_url) as database:
                hour = list_busy_hour(datetime.now(timezone.utc), features=features, version="1")
                SnapshotStore(database).add(*hour)
            yield server, open_keys(home).create("bench", ("admin",)).text


def weigh(server: RunningServer, key: str) -> dict[str, int]:
    """Bytes of all that a browser loads, as they are before anything is compressed."""
    addresses = {"page": "/dashboard", **{name: f"/dashboard/assets/{name}" for name in ASSETS}}
    return {name: len(server.get(address, key).content) for name, address in addresses.items()}


def time_answers(server: RunningServer, key: str, looks: int) -> list[float]:
    times = []
    with requests.Session() as session:
        for _ in range(looks):
            started = time.perf_counter()
            session.get(f"{server.url}/dashboard", headers={"X-API-Key": key}, timeout=30).raise_for_status()
            times.append((time.perf_counter() - started) * 1000)
    return times


def time_paints(browser: Browser, server: RunningServer, key: str, looks: int) -> tuple[list[float], list[str]]:
    """From the beginning of the navigation to the first words on the screen, each in a browser profile of its own."""
    times, complaints = [], []
    for _ in range(looks):
        with opened_page(browser, viewport={"width": 1440, "height": 900}) as (page, console):
            sign_in(page, server.url, key)
            page.goto(f"{server.url}/dashboard", wait_until="load")
            times.append(float(page.evaluate(_FIRST_PAINT)))
            complaints += console.lines
    return times, complaints


def sign_in(page: Page, url: str, key: str) -> None:
    page.goto(f"{url}/dashboard/sign-in")
    page.fill("#key", key)
    page.click("button[type=submit]")
    page.wait_for_selector("#overview")


def find_broken_promises(size: int, painted_ms: float, complaints: list[str]) -> Iterator[str]:
    if size > MOST_BYTES:
        yield f"All together has {size:,} bytes, more than {MOST_BYTES:,}."
    if painted_ms > MOST_PAINT_MS:
        yield f"The first paint took {painted_ms:.0f} ms, more than {MOST_PAINT_MS:.0f}."
    yield from (f"The browser says: {line}" for line in complaints)


if __name__ == "__main__":
    sys.exit(main())
