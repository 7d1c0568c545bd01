"""`python -m tests.bench.monitoring.outcomes`: what feedback takes, and what a million watched rows take in memory."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path
from statistics import median

import click
import orjson
import psutil
from flask.testing import FlaskClient

from app import create_app
from app.database import create_tables, opened_database
from app.wiring.services import build_services
from tests.api.builders import make_key, make_settings
from tests.bench.command import say
from tests.monitoring.quality.watching.builders import NOW, Watched, make_answer

BATCH = 2000
BETWEEN_OUTCOMES = 100_000
REPEATS = 5
_MB = 1e6


def measure_feedback(place: Path) -> None:
    """How long requests with outcomes take, in this process and with its database on this disk."""
    settings = make_settings(place)
    services = build_services(settings)
    client = create_app(settings, services).test_client()
    client.environ_base["HTTP_X_API_KEY"] = make_key(services, settings, "feedback").text
    for outcomes in (1, 1000, 10_000):
        new = [_tell(client, outcomes, number) for number in range(REPEATS)]
        again = [_tell(client, outcomes, number) for number in range(REPEATS)]
        say(f"{outcomes} outcomes: {1000 * median(new):.0f} ms, told again: {1000 * median(again):.0f} ms")
    services.close()


def _tell(client: FlaskClient, outcomes: int, number: int) -> float:
    ids = (f"{outcomes:012x}{number:012x}-{row}" for row in range(outcomes))
    body = orjson.dumps({"outcomes": [{"prediction_id": id, "outcome": "Yes"} for id in ids]})
    begun = time.perf_counter()
    answer = client.post("/feedback", data=body, content_type="application/json")
    seconds = time.perf_counter() - begun
    if answer.status_code != 200:
        raise click.ClickException(answer.text)
    return seconds


def measure_memory(place: Path, rows: int) -> None:
    """Rows of one request each, twelve a second, and now and then the outcomes of the last ones."""
    process, chance, spent = psutil.Process(), random.Random(1), 0.0
    with opened_database(f"sqlite:///{place}/gluonserve.db") as database:
        create_tables(database)
        watched = Watched(place, database)
        for read in range(BATCH, rows + 1, BATCH):
            shares = [chance.random() for _ in range(BATCH)]
            records = [
                make_answer(chance.getrandbits(96), ["Yes" if share > 0.5 else "No"], [share], seconds=read / 12)
                for share in shares
            ]
            watched.now, begun = NOW + read / 12, time.process_time()
            watched.read(*records)
            if read % BETWEEN_OUTCOMES == 0:
                truth = ["Yes" if chance.random() < share else "No" for share in shares]
                watched.tell(
                    (f"{told['prediction_id']}-0", outcome) for told, outcome in zip(records, truth, strict=True)
                )
                watched.look()
            spent += time.process_time() - begun
            if read % BETWEEN_OUTCOMES == 0:
                say(f"{read} rows: {process.memory_info().rss / _MB:.1f} MB, {1e6 * spent / read:.0f} us a row")


@click.command()
@click.option("--rows", default=1_000_000, show_default=True, help="How many are watched.")
def main(rows: int) -> None:
    """Measure feedback over HTTP, and the part of the watcher that joins it with predictions."""
    with tempfile.TemporaryDirectory(prefix="gluonserve-outcomes-") as directory:
        measure_feedback(Path(directory) / "served")
        (Path(directory) / "watched").mkdir()
        measure_memory(Path(directory) / "watched", rows)


if __name__ == "__main__":
    main()
