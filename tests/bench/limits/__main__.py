"""`python -m tests.bench.limits`: how exact limits are, and what one caller notices of another, as tables."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import orjson

from tests.bench.command import bench_command, end_with, run_child, say
from tests.bench.limits.accuracy import Accuracy, measure_accuracy
from tests.bench.limits.starvation import Starvation, measure_starvation

MOST_GRANTED = 1.15
MOST_GRANTED_IN_AN_OUTAGE = 2.0


@bench_command(
    epilog="Exit code 1: a promise does not hold. Example: python -m tests.bench.limits --quick",
    quick="A tiny model and a shorter look at starvation.",
)
def main(quick: bool, predictors: Path, cache: Path) -> None:
    """Measure and report; about six minutes."""
    arguments = ["plan", str(predictors), str(cache), *(["--quick"] if quick else [])]
    prepared = run_child("tests.bench.switching.prepare", *arguments)
    models, rows = Path(prepared["store"]), Path(prepared["rows"])
    with tempfile.TemporaryDirectory(dir=cache, prefix="limits-") as home:
        say("what a caller of single rows notices of one of 10,000")
        starvation = measure_starvation(models, rows, Path(home), seconds=10 if quick else 60)
        say("how exact limits are, a minute each")
        accuracy = measure_accuracy(models, orjson.loads(rows.read_bytes()), Path(home))
    figures = cache / f"limits{'-quick' if quick else ''}.json"
    document = {"starvation": starvation, "accuracy": accuracy}
    figures.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    click.echo("\n".join(["", *render_starvation(starvation), "", *render_accuracy(accuracy), "", str(figures)]))
    end_with([*find_broken_promises(accuracy), *find_starvation(starvation)])


def render_starvation(found: Sequence[Starvation]) -> Iterator[str]:
    yield "| beside | single rows | failed | p50 ms | p99 ms | slowest ms | large answered | large refused |"
    yield "| --- | --: | --: | --: | --: | --: | --: | --: |"
    for it in found:
        yield (
            f"| {it.beside} | {it.requests} | {it.failed} | {it.p50_ms:.1f} | {it.p99_ms:.1f} | {it.slowest_ms:.0f} "
            f"| {it.heavy_answered} | {it.heavy_refused} |"
        )


def render_accuracy(found: Sequence[Accuracy]) -> Iterator[str]:
    yield "| counted in | asked | granted | of the limit |"
    yield "| --- | --: | --: | --: |"
    for it in found:
        yield f"| {it.where} | {it.asked} | {it.granted} | {it.granted_share:.1%} |"


def find_broken_promises(found: Sequence[Accuracy]) -> Iterator[str]:
    for it in found:
        most = MOST_GRANTED_IN_AN_OUTAGE if it.has_outage else MOST_GRANTED
        # A request is counted when it is sent, and the window of the server begins with its coming.
        if not 0.99 <= it.granted_share <= most:
            yield f"{it.where}: {it.granted_share:.1%} of the limit were granted."
        if it.other_answers:
            yield f"{it.where}: some requests were neither granted nor refused: {', '.join(it.other_answers)}."


def find_starvation(found: Sequence[Starvation]) -> Iterator[str]:
    by_name = {it.beside: it for it in found}
    limited, unlimited = by_name["limited"], by_name["unlimited"]
    # Without the limit the server may have more to do than it can.
    if any(it.failed or it.heavy_failed for it in found if it is not unlimited):
        yield "Some requests were neither answered nor refused."
    if limited.heavy_refused == 0 or unlimited.heavy_refused > 0:
        yield "The limit did not refuse, or something refused without it."
    if limited.p99_ms > unlimited.p99_ms / 2:
        yield f"p99 beside a limited caller is {limited.p99_ms:.0f} ms, without the limit {unlimited.p99_ms:.0f} ms."


if __name__ == "__main__":
    main()
