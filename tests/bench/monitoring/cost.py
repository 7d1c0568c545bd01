"""`python -m tests.bench.monitoring.cost`: what prediction log and metrics cost the requests per second of a plan.

Beside the server as it is stand the same one whose requests are told to nobody, and as a negative control one that
writes its log in the requests' own time. All three are up from beginning to end and take turns. The processor time of a
request is told too: on a machine that is busy with other things as well, it is the steadier figure.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import click
import orjson
import psutil

from tests.bench.command import bench_command, end_with, run_child, say
from tests.bench.load.client import generate_load
from tests.bench.load.requests import MOST_REQUESTS, make_requests
from tests.bench.scope import PLAN, UNOBSERVED, WASTEFUL
from tests.bench.servers.running import BenchServer, bench_server

MOST_COST = 0.05
CONCURRENCY = 8
_WARM_SECONDS = 2.0
_ROUND_SECONDS = 1.5
_SETTLE_SECONDS = 0.2
# The watcher reads the log of a server beside it: it is not what is measured here.
_SETTINGS = {"GLUONSERVE_MONITOR": "off", "GLUONSERVE_GOLDEN_INTERVAL": "0"}


@dataclass(frozen=True)
class Round:
    """What a server did in one turn: requests per second, and processor time for each, in the server's processes."""

    per_second: float
    processor_us: float


@dataclass(frozen=True)
class Cost:
    """A server beside the one that nobody observes: the middle ones of the rounds.

    Attributes:
        cost: As a share of the requests per second that there could be.
        low, high: A quarter of the rounds cost less, a quarter more.
        processor_us: What a request took, in all processes of the server.
        processor_cost: By how much that is more.
    """

    server: str
    per_second: float
    cost: float
    low: float
    high: float
    processor_us: float
    processor_cost: float
    rounds: int


@bench_command(
    epilog="Exit code 1: the promise does not hold. Example: python -m tests.bench.monitoring.cost --quick",
    quick="A tiny model and few rounds.",
)
@click.option("--rounds", default=16, show_default=True, help="How often the servers take turns.")
def main(quick: bool, rounds: int, predictors: Path, cache: Path) -> None:
    """Measure and report; about two minutes."""
    arguments = ["plan", str(predictors), str(cache), *(["--quick"] if quick else [])]
    prepared = run_child("tests.bench.switching.prepare", *arguments)
    rows = orjson.loads(Path(prepared["rows"]).read_bytes())
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=cache, prefix="cost-")))
        servers = [
            stack.enter_context(
                bench_server(name, home / name, models=Path(prepared["store"]), predictor=Path(), settings=_SETTINGS)
            )
            for name in (UNOBSERVED, PLAN, WASTEFUL)
        ]
        turns = take_turns(servers, rows, rounds=4 if quick else rounds)
    found = [compare(name, turns[name], turns[UNOBSERVED]) for name in (UNOBSERVED, PLAN, WASTEFUL)]
    figures = cache / "monitoring-cost.json"
    document = {"costs": found, "turns": turns}
    figures.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    click.echo("\n".join([*render(found), "", str(figures)]))
    end_with(find_broken_promises(found))


def take_turns(servers: Sequence[BenchServer], rows: Sequence[object], *, rounds: int) -> dict[str, list[Round]]:
    """Apply the same load to each server in each round; every other round goes the other way round."""
    requests = {
        server.name: make_requests(rows, rows_per_request=1, key=server.key, count=MOST_REQUESTS) for server in servers
    }
    turns: dict[str, list[Round]] = {server.name: [] for server in servers}
    for server in servers:
        measure(server, requests[server.name], seconds=_WARM_SECONDS)
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for server in servers if number % 2 else reversed(servers):
            turns[server.name].append(measure(server, requests[server.name], seconds=_ROUND_SECONDS))
    return turns


def measure(server: BenchServer, requests: Sequence[bytes], *, seconds: float) -> Round:
    before = measure_processor_seconds(server)
    result = generate_load(server.address, requests, concurrency=CONCURRENCY, seconds=seconds)
    if result.faults:
        raise click.ClickException(f"{server.name} failed: {result.faults[0]}")
    # What is still to be written of these requests is their cost too.
    time.sleep(_SETTLE_SECONDS)
    spent = measure_processor_seconds(server) - before
    count = len(result.latencies_ms)
    return Round(count / result.seconds, spent / count * 1e6)


def measure_processor_seconds(server: BenchServer) -> float:
    master = psutil.Process(server.process.pid)
    times = [process.cpu_times() for process in (master, *master.children())]
    return sum(one.user + one.system for one in times)


def compare(name: str, turns: Sequence[Round], unobserved: Sequence[Round]) -> Cost:
    pairs = list(zip(turns, unobserved, strict=True))
    costs = [1 - turn.per_second / possible.per_second for turn, possible in pairs]
    low, _, high = quantiles(costs, n=4)
    return Cost(
        server=name,
        per_second=median(turn.per_second for turn in turns),
        cost=median(costs),
        low=low,
        high=high,
        processor_us=median(turn.processor_us for turn in turns),
        processor_cost=median(turn.processor_us / other.processor_us - 1 for turn, other in pairs),
        rounds=len(pairs),
    )


def render(found: Sequence[Cost]) -> Iterator[str]:
    yield "| server | requests a second | cost | half of the rounds | processor time | cost | rounds |"
    yield "| --- | --: | --: | --: | --: | --: | --: |"
    for it in found:
        yield (
            f"| {it.server} | {it.per_second:.0f} | {it.cost:.1%} | {it.low:.1%} to {it.high:.1%} "
            f"| {it.processor_us:.0f} us | {it.processor_cost:.1%} | {it.rounds} |"
        )


def find_broken_promises(found: Sequence[Cost]) -> Iterator[str]:
    by_name = {it.server: it for it in found}
    if by_name[PLAN].cost > MOST_COST:
        yield f"Log and metrics cost {by_name[PLAN].cost:.1%} of the requests per second, more than {MOST_COST:.0%}."
    if by_name[WASTEFUL].cost <= MOST_COST:
        yield "The negative control costs no more than is promised: this measurement would find nothing."


if __name__ == "__main__":
    main()
