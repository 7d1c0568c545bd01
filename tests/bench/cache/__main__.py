"""`python -m tests.bench.cache`: what the cache is worth, and what an outage of Redis costs, as tables."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import orjson

from tests.bench.cache.crowd import Crowd, measure_crowds
from tests.bench.cache.outage import Outage, measure_outages
from tests.bench.cache.speed import Speed, measure_speed
from tests.bench.command import bench_command, end_with, run_child, say
from tests.bench.scope import CHURN

LEAST_TIMES_THE_PLAN = 1.0
LEAST_TIMES_AS_FAST_AS_AUTOGLUON = 20.0
MOST_MS_OF_THE_FIRST_SECOND = 60.0
MOST_MS_AFTERWARDS = 2.0
MOST_SECONDS_UNTIL_BACK = 2.0


@bench_command(
    epilog="Exit code 1: a promise does not hold. Example: python -m tests.bench.cache --quick",
    quick="Shorter rounds.",
)
def main(quick: bool, predictors: Path, cache: Path) -> None:
    """Measure and report; about five minutes."""
    prepared = run_child("tests.bench.models.prepare", CHURN.name, str(predictors), str(cache))
    store, native, rows = (Path(prepared[name]) for name in ("store", "without_plan", "rows"))
    data = orjson.loads(rows.read_bytes())
    seconds, rounds = (0.5, 3) if quick else (2.0, 5)
    with tempfile.TemporaryDirectory(dir=cache, prefix="cache-") as place:
        home = Path(place)
        say("known rows beside computed ones")
        speeds = measure_speed(store, data, home / "plan", is_native=False, seconds=seconds, rounds=rounds)
        speeds += measure_speed(native, data, home / "native", is_native=True, seconds=seconds, rounds=rounds)
        say("crowds that ask for the same row")
        crowds = measure_crowds(native, data, home / "crowds", rounds=rounds)
        say("Redis killed, and stopped, under load")
        outages = measure_outages(store, data, home)
    figures = cache / f"cache{'-quick' if quick else ''}.json"
    document = {"speeds": speeds, "crowds": crowds, "outages": outages}
    figures.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    click.echo("\n".join(["", *render(speeds, crowds, outages), "", str(figures)]))
    end_with([*find_slow_cache(speeds), *find_repeated_work(crowds), *find_noticed_outages(outages)])


def render(speeds: Sequence[Speed], crowds: Sequence[Crowd], outages: Sequence[Outage]) -> Iterator[str]:
    yield "| executed by | at once | known, p50 ms | computed, p50 ms | times as fast | times the throughput |"
    yield "| --- | --: | --: | --: | --: | --: |"
    for it in speeds:
        yield (
            f"| {it.execution} | {it.concurrency} | {it.known_p50_ms:.2f} | {it.computed_p50_ms:.2f} "
            f"| {it.times_as_fast:.1f} | {it.times_the_throughput:.1f} |"
        )
    yield ""
    yield "| identical requests | answered | different answers | computed | workers |"
    yield "| --: | --: | --: | --: | --: |"
    for crowd in crowds:
        yield (
            f"| {crowd.requests} | {crowd.answered} | {crowd.different_answers} | {crowd.computed} | {crowd.workers} |"
        )
    yield ""
    yield "| Redis | requests | failed | found there | p99 ms | p99 of the first second | p99 later | back after s |"
    yield "| --- | --: | --: | --: | --: | --: | --: | --: |"
    for outage in outages:
        yield (
            f"| {outage.kind} | {outage.requests} | {outage.failed} | {outage.shared_hits} "
            f"| {outage.normal_p99_ms:.1f} | {outage.first_p99_ms:.1f} | {outage.later_p99_ms:.1f} "
            f"| {outage.back_seconds:.2f} |"
        )


def find_slow_cache(speeds: Sequence[Speed]) -> Iterator[str]:
    for it in speeds:
        where = f"{it.execution}, {it.concurrency} at once"
        least = LEAST_TIMES_THE_PLAN
        if it.execution == "native" and it.concurrency == 1:
            # Several at once share passes of AutoGluon, which makes each of them cheaper.
            least = LEAST_TIMES_AS_FAST_AS_AUTOGLUON
        if it.times_as_fast < least:
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
        if it.shared_hits == 0:
            yield f"{it.kind}: nothing was found in Redis, so that this says nothing."
        if it.first_p99_ms > it.normal_p99_ms + MOST_MS_OF_THE_FIRST_SECOND:
            yield f"{it.kind}: p99 of the first second is {it.first_p99_ms - it.normal_p99_ms:.0f} ms above normal."
        if it.later_p99_ms > it.normal_p99_ms + MOST_MS_AFTERWARDS:
            yield f"{it.kind}: p99 later is {it.later_p99_ms - it.normal_p99_ms:.1f} ms above normal."
        if it.back_seconds > MOST_SECONDS_UNTIL_BACK:
            yield f"{it.kind}: Redis was in use again after {it.back_seconds:.1f} s."


if __name__ == "__main__":
    main()
