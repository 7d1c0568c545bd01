"""`python -m tests.bench.monitoring.drift.cost`: what drift costs who answers, and who watches."""

from __future__ import annotations

import time
import tracemalloc
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone

import click
import orjson

from app.monitoring.drift.part import DriftPart
from app.monitoring.drift.sketcher import ProfileSketcher
from app.monitoring.prediction_log.sketches import MOST_ROWS
from app.release.profile.reference import find_kind
from app.release.schema import Feature
from app.runtime.dates.reading import read_seconds
from app.runtime.predictions import Predictions
from tests.bench.monitoring.drift.subjects import Prepared, Subject, prepare

ROWS = 20_000
ROUNDS = 5
MILLION = 1_000_000


@click.command()
def main() -> None:
    """Measure and print."""
    warnings.simplefilter("ignore")
    prepared = prepare(Subject("modeldata", "wa_churn", "churn"))
    kinds = [find_kind(feature) for feature in prepared.release.schema.features]
    click.echo(f"{len(kinds)} features, {kinds.count('number')} of them numbers, and two views of the answers")
    for size in (1, 100, 10_000):
        micro = min(time_rows(prepared, size) for _ in range(ROUNDS)) * 1e6
        click.echo(f"{micro:.2f} us of processor time a row, in requests of {size}")
    click.echo(f"{time_dates() * 1e6:.2f} us for a date that is different in each row")
    watch_a_million(prepared)


def time_rows(prepared: Prepared, size: int) -> float:
    rows = (prepared.pool * (ROWS // len(prepared.pool) + 1))[:ROWS]
    answers = prepared.release.executor.predict(rows)
    sketcher = make_sketcher(prepared)
    requests = [(rows[a : a + size], take(answers, a, size)) for a in range(0, ROWS, size)]
    started = time.process_time()
    for some, (labels, probabilities) in requests:
        sketcher.add(some, labels, probabilities)
    sketcher.flush()
    return (time.process_time() - started) / ROWS


def time_dates() -> float:
    feature = Feature(name="seen", type="datetime", dtype="object", nullable=True)
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    texts = [(start + timedelta(seconds=7 * step)).isoformat() for step in range(ROWS)]
    return min(time_once(lambda: [read_seconds(text, feature) for text in texts]) for _ in range(ROUNDS)) / ROWS


def time_once(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started


def watch_a_million(prepared: Prepared) -> None:
    """Count a million rows as a worker does, and judge them as the watcher does; print what grows, and does not."""
    rows = (prepared.pool * (MOST_ROWS // len(prepared.pool) + 1))[:MOST_ROWS]
    answers = prepared.release.executor.predict(rows)
    sketcher, part = make_sketcher(prepared), DriftPart(None, open_profile=lambda _: prepared.opened)
    early = windows = 0
    judged = 0.0
    record: dict[str, object] = {}
    tracemalloc.start()
    for turn in range(MILLION // MOST_ROWS):
        sketcher.add(rows, answers.labels, answers.probabilities)
        record = orjson.loads(orjson.dumps(sketcher.flush()))
        started = time.process_time()
        part.consume(record)
        judged += time.process_time() - started
        windows += len(part.snapshots(datetime.now(timezone.utc)))
        early = early if turn > MILLION // MOST_ROWS // 10 else tracemalloc.get_traced_memory()[0]
    late = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    click.echo(f"{len(orjson.dumps(record))} bytes a sketch, {len(orjson.dumps(part.to_state()))} bytes of state")
    click.echo(
        f"{MILLION} rows, {windows} windows: {early // 1024} KB in use after a tenth, {late // 1024} KB at the end"
    )
    click.echo(f"{judged / windows * 1000:.1f} ms of processor time to judge a window, with memory traced")


def make_sketcher(prepared: Prepared) -> ProfileSketcher:
    return ProfileSketcher("1", prepared.opened, read_date=read_seconds)


def take(answers: Predictions, start: int, size: int) -> tuple[Sequence[object], list[dict[str, float]] | None]:
    part = slice(start, start + size)
    return answers.labels[part], answers.probabilities and answers.probabilities[part]


if __name__ == "__main__":
    main()
