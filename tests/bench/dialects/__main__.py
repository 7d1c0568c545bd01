"""Send CSV tables of 10,000 to 1,000,000 rows to a real server and watch the memory of its one worker.

    python -m tests.bench.dialects

Ends with 1 when a table of 1,000,000 rows takes 50 MB more than one of 100,000.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import psutil
import requests

from app.release.store import ReleaseStore
from tests.builders import LABELS, fit_predictor, make_mixed_frame, make_release
from tests.flows.conftest import open_keys
from tests.manifests import SIGNER
from tests.server import RunningServer, running_server

LENGTHS = (10_000, 100_000, 1_000_000)
MOST_GROWTH_MB = 50
SERVER = {
    "GLUONSERVE_MAX_ROWS": "1000000",
    "GLUONSERVE_MAX_BODY_MB": "1024",
    "GLUONSERVE_TRUSTED_KEYS": SIGNER.public_key.text,
}
_SECONDS_BETWEEN_LOOKS = 0.02


@dataclass
class Measured:
    """What one table took.

    Attributes:
        peak_mb: The most that the worker held in memory while it was answered.
    """

    rows: int
    megabytes: float
    seconds: float = 0.0
    peak_mb: float = 0.0


def publish(home: Path) -> pd.DataFrame:
    """Publish a small binary model with a plan; return rows that it takes."""
    label = LABELS["binary"]
    frame = make_mixed_frame(900).drop(columns=["note", *(name for name in LABELS.values() if name != label)])
    predictor = fit_predictor(frame[:700], problem_type="binary", path=home / "predictor", families=("GBM",))
    store = ReleaseStore(home / "models", signer=SIGNER)
    make_release(store, predictor, frame[700:], train_data=frame[:700])
    return frame[:700].drop(columns=label)


def write_csv(frame: pd.DataFrame, rows: int, path: Path) -> None:
    """The rows again and again until there are so many."""
    header, text = frame.head(0).to_csv(index=False), frame.to_csv(index=False, header=False)
    lines = text.splitlines(keepends=True)
    with path.open("w", encoding="utf-8") as file:
        file.write(header)
        file.writelines(lines[position % len(lines)] for position in range(rows))


@contextmanager
def watching_memory(worker: psutil.Process, measured: Measured) -> Iterator[None]:
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(_SECONDS_BETWEEN_LOOKS):
            measured.peak_mb = max(measured.peak_mb, worker.memory_info().rss / 1e6)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def measure(server: RunningServer, key: str, path: Path, rows: int) -> Measured:
    measured = Measured(rows, path.stat().st_size / 1e6)
    headers = {"X-API-Key": key, "Content-Type": "text/csv", "Accept": "text/csv", "X-Request-Timeout-Ms": "600000"}
    [worker] = server.workers()
    started = time.perf_counter()
    with watching_memory(psutil.Process(worker), measured), path.open("rb") as body:
        answer = requests.post(f"{server.url}/predict", data=body, headers=headers, timeout=600)
    measured.seconds = time.perf_counter() - started
    if answer.status_code != requests.codes.ok:
        raise AssertionError(f"{rows} rows: {answer.status_code} {answer.text[:300]}")
    if answer.text.count("\n") != rows + 1:
        raise AssertionError(f"{rows} rows were sent, and another number came back")
    return measured


def main() -> int:
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        frame = publish(home)
        key = open_keys(home).create("bench", ("predict",)).text
        found = []
        with running_server(home, workers=1, environment=SERVER) as server:
            for rows in LENGTHS:
                write_csv(frame, rows, home / "rows.csv")
                found.append(measure(server, key, home / "rows.csv", rows))
    sys.stdout.write("      rows      MB   seconds   rows/s   memory of the worker\n")
    for one in found:
        speed = one.rows / one.seconds
        sys.stdout.write(
            f"{one.rows:>10,}  {one.megabytes:6.1f}  {one.seconds:8.2f}  {speed:7,.0f}  {one.peak_mb:8.1f} MB\n"
        )
    growth = found[-1].peak_mb - found[-2].peak_mb
    sys.stdout.write(f"From {LENGTHS[-2]:,} to {LENGTHS[-1]:,} rows: {growth:+.1f} MB (at most {MOST_GROWTH_MB})\n")
    return 0 if growth <= MOST_GROWTH_MB else 1


if __name__ == "__main__":
    raise SystemExit(main())
