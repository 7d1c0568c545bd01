"""`python -m tests.bench.cache`: what the cache is worth, and what an outage of Redis costs, as tables."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import orjson

from tests.bench.cache.crowd import Crowd, measure_crowds
from tests.bench.cache.outage import Outage, measure_outages
from tests.bench.cache.speed import WRK, Speed, measure_speed
from tests.bench.command import bench_command, end_with, run_child, say
from tests.bench.load.wrk import require_wrk
from tests.bench.scope import CHURN

LEAST_TIMES_THE_PLAN = 1.0
LEAST_TIMES_AS_FAST_AS_AUTOGLUON = 20.0
MOST_MS_OF_THE_FIRST_SECOND = 60.0
MOST_MS_AFTERWARDS = 2.0
MOST_SECONDS_UNTIL_BACK = 2.0
LEAST_FOUND = 0.5
PARTS = ("speed", "crowds", "outages")


@bench_command(
    epilog="Exit code 1: a promise does not hold. Example: python -m tests.bench.cache --quick",
    quick="Shorter rounds, and fewer.",
)
@click.option(
    "--part", "parts", type=click.Choice(PARTS), multiple=True, help="One part only; more than once for more."
)
def main(quick: bool, parts: Sequence[str], predictors: Path, cache: Path) -> None:
    """Measure and report; about seven minutes."""
    require_wrk()
    prepared = run_child("tests.bench.models.prepare", CHURN.name, str(predictors), str(cache))
    store, native, rows = (Path(prepared[name]) for name in ("store", "without_plan", "rows"))
    data = orjson.loads(rows.read_bytes())
    seconds, rounds = (1, 3) if quick else (2, 5)
    speeds, crowds, outages = list[Speed](), list[Crowd](), list[Outage]()
    # What runs beside the server may end a moment after it.
    with tempfile.TemporaryDirectory(dir=cache, prefix="cache-", ignore_cleanup_errors=True) as place:
        home, wanted = Path(place), parts or PARTS
        if "speed" in wanted:
            say("known rows beside computed ones")
            speeds += measure_speed(store, data, home / "plan", is_native=False, seconds=seconds, rounds=rounds)
            speeds += measure_speed(native, data, home / "native", is_native=True, seconds=seconds, rounds=rounds)
        if "crowds" in wanted:
            say("crowds that ask for the same row")
            crowds += measure_crowds(native, data, home / "crowds", rounds=rounds)
        if "outages" in wanted:
            say("Redis killed, and stopped, under load")
            outages += measure_outages(store, data, home, rounds=2 if quick else 5)
    figures = cache / f"cache{'-quick' if quick else ''}.json"
    document = {"speeds": speeds, "crowds": crowds, "outages": outages}
    figures.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    click.echo("\n".join(["", *render(speeds, crowds, outages), "", str(figures)]))
    end_with([*find_slow_cache(speeds), *find_repeated_work(crowds), *find_noticed_outages(outages)])


def render(speeds: Sequence[Speed], crowds: Sequence[Crowd], outages: Sequence[Outage]) -> Iterator[str]:
    if speeds:
        yield "| executed by | client | at once | known, p50 ms | computed, p50 ms | times as fast | times the rate |"
        yield "| --- | --- | --: | --: | --: | --: | --: |"
    for it in speeds:
        yield (
            f"| {it.execution} | {it.client} | {it.concurrency} | {it.known_p50_ms:.2f} | {it.computed_p50_ms:.2f} "
            f"| {it.times_as_fast:.1f} | {it.times_the_throughput:.1f} |"
        )
    if crowds:
        yield ""
        yield "| identical requests | answered | different answers | computed | workers |"
        yield "| --: | --: | --: | --: | --: |"
    for crowd in crowds:
        yield (
            f"| {crowd.requests} | {crowd.answered} | {crowd.different_answers} | {crowd.computed} | {crowd.workers} |"
        )
    yield from render_outages(outages)


def render_outages(outages: Sequence[Outage]) -> Iterator[str]:
    """p99 without a fault, and by how much it is above that: with none, for the noise of the machine, and with one."""
    if outages:
        yield ""
        yield (
            "| Redis | rounds | requests | failed | found there | first second: usual p99 ms | no fault | fault "
            "| later: usual p99 ms | no fault | fault | back after s |"
        )
        yield f"| --- |{' --: |' * 11}"
    for it in outages:
        figures = [
            f"{it.measure('usual', part):.1f} | {it.compare('control', part):+.1f} | {it.compare('faulty', part):+.1f}"
            for part in ("first", "later")
        ]
        yield (
            f"| {it.kind} | {len(it.rounds)} | {it.requests} | {it.failed} | {it.found:.0%} "
            f"| {' | '.join(figures)} | {it.slowest_return_seconds:.2f} |"
        )


def find_slow_cache(speeds: Sequence[Speed]) -> Iterator[str]:
    """Judged by wrk: what our own client takes of the processors is missing to the server that answers known rows."""
    for it in speeds:
        where = f"{it.execution}, {it.concurrency} at once, by {it.client}"
        least = LEAST_TIMES_AS_FAST_AS_AUTOGLUON if it.execution == "native" else LEAST_TIMES_THE_PLAN
        if it.client == WRK and it.times_as_fast < least:
            yield f"{where}: a known row is {it.times_as_fast:.2f} times as fast, {least:g} are promised."
        if it.other_answers:
            yield f"{where}: {it.other_answers} requests were not answered."


def find_repeated_work(crowds: Sequence[Crowd]) -> Iterator[str]:
    for it in crowds:
        if it.computed > it.workers:
            yield f"The model computed one row {it.computed} times in {it.workers} workers."
        if it.answered != it.requests or it.different_answers > it.workers:
            yield f"Of {it.requests} requests {it.answered} were answered, in {it.different_answers} ways."


def find_noticed_outages(outages: Sequence[Outage]) -> Iterator[str]:
    for it in outages:
        if it.failed:
            yield f"{it.kind}: {it.failed} of {it.requests} requests failed."
        if it.found < LEAST_FOUND:
            yield f"{it.kind}: {it.found:.0%} of the rows were found in Redis, so that this says nothing."
        if abs(it.compare("control", "later")) > MOST_MS_AFTERWARDS:
            yield f"{it.kind}: without a fault p99 differs by {it.compare('control', 'later'):.1f} ms: a noisy machine."
        if it.compare("faulty", "first") > MOST_MS_OF_THE_FIRST_SECOND:
            yield f"{it.kind}: p99 of the first second is {it.compare('faulty', 'first'):.0f} ms above normal."
        if it.compare("faulty", "later") > MOST_MS_AFTERWARDS:
            yield f"{it.kind}: p99 later is {it.compare('faulty', 'later'):.1f} ms above normal."
        if it.slowest_return_seconds > MOST_SECONDS_UNTIL_BACK:
            yield f"{it.kind}: Redis was in use again after {it.slowest_return_seconds:.1f} s."


if __name__ == "__main__":
    main()
