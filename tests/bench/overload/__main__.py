"""`python -m tests.bench.overload`: three times as many requests as can be answered, and which promises hold then."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import click
import orjson

from app.runtime.loading import Execution
from tests.bench.command import bench_command, end_with, run_child, say
from tests.bench.overload.measuring import OverloadScope, measure_overload
from tests.bench.overload.results import OverloadResult, find_broken_promises
from tests.bench.report.machine import describe_machine
from tests.bench.scope import PLAN
from tests.bench.servers.running import bench_server
from tests.bench.switching.__main__ import read_traffic

DEADLINE_MS = 5000


@bench_command(
    epilog="Exit code 1: a promise does not hold. Example: python -m tests.bench.overload --native",
    quick="Tiny models, ten seconds of overload.",
)
@click.option("--native", is_flag=True, help="AutoGluon answers in place of the compiled plan.")
@click.option("--without-doorman", is_flag=True, help="Let all requests wait: the promises are to be broken then.")
@click.option("--rounds", default=3, help="Floods one after the other, each with capacities of its own.")
def main(*, native: bool, quick: bool, without_doorman: bool, rounds: int, predictors: Path, cache: Path) -> None:
    """Measure and report.

    The machine is never equally fast for long: of the goodput the middle one of all rounds counts, of all else the
    worst.
    """
    execution: Execution = "native" if native else "plan"
    arguments = [execution, str(predictors), str(cache), *(["--quick"] if quick else [])]
    prepared = run_child("tests.bench.switching.prepare", *arguments)
    settings = {
        "GLUONSERVE_EXECUTION": execution,
        "GLUONSERVE_REQUEST_TIMEOUT_MS": str(DEADLINE_MS),
        **({"GLUONSERVE_MOST_WAIT_MS": "0"} if without_doorman else {}),
    }
    scope = OverloadScope(
        execution=execution,
        concurrency=32 if native else 16,
        deadline_ms=DEADLINE_MS,
        flood_seconds=10 if quick else 60,
        usual_seconds=5,
    )
    with ExitStack() as stack:
        # What ends with the server may still write.
        place = tempfile.TemporaryDirectory(dir=cache, prefix="overload-", ignore_cleanup_errors=True)
        home = Path(stack.enter_context(place))
        cores = separate_cores(settings)
        server = stack.enter_context(
            bench_server(PLAN, home, models=Path(prepared["store"]), predictor=Path(), settings=settings)
        )
        os.sched_setaffinity(0, cores)
        traffic = read_traffic(prepared, server.key)
        results = [
            measure_overload(server.address, traffic.requests, scope, say) for _ in range(1 if quick else rounds)
        ]
    report(results, cache / f"overload-{execution}{'-quick' if quick else ''}.json")


def separate_cores(settings: dict[str, str]) -> set[int]:
    """Leave the last core to the generator, for its work grows with the load; the server inherits the others."""
    *servers, last = sorted(os.sched_getaffinity(0))
    if not servers:
        return {last}
    os.sched_setaffinity(0, servers)
    settings["WEB_CONCURRENCY"] = str(len(servers))
    return {last}


def report(results: Sequence[OverloadResult], figures: Path) -> None:
    document = {"machine": describe_machine(), "results": [asdict(result) for result in results]}
    figures.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    for name in asdict(results[0]):
        values = (getattr(result, name) for result in results)
        shown = (f"{value:.1f}" if isinstance(value, float) else str(value) for value in values)
        click.echo(f"{name:>18}  {'  '.join(f'{value:>9}' for value in shown)}")
    end_with(find_broken_promises(results))


if __name__ == "__main__":
    main()
