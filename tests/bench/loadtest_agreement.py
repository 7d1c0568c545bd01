"""`python -m tests.bench.loadtest_agreement`: what `gluonserve loadtest` says of a server, beside what wrk says of it.

wrk is Debian's package of that name. Both send the same rows in turn by as many users; the server has the plan of
churn_ens and two workers.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import click
import orjson

from app.runtime.loading import Execution
from tests.bench.command import bench_command, end_with, run_child, say
from tests.bench.load.wrk import require_wrk, run_wrk, write_rows
from tests.bench.scope import PLAN
from tests.bench.servers.running import BenchServer, bench_server

MOST_DIFFERENCE = 0.1
USERS = 8
FIGURES = ("requests/s", "p50", "p99")


@bench_command(
    epilog="Exit code 1: they differ by more than a tenth. Example: python -m tests.bench.loadtest_agreement",
    quick="Tiny models, three pairs of two seconds.",
)
def main(quick: bool, predictors: Path, cache: Path) -> None:
    """Measure both in turn, and compare the medians of the ratios of pairs."""
    require_wrk()
    execution: Execution = "plan"
    arguments = [execution, str(predictors), str(cache), *(["--quick"] if quick else [])]
    prepared = run_child("tests.bench.switching.prepare", *arguments)
    # What runs beside the server may end a moment after it.
    with tempfile.TemporaryDirectory(dir=cache, prefix="agreement-", ignore_cleanup_errors=True) as path:
        home = Path(path)
        rows = write_rows(home / "rows.jsonl", orjson.loads(Path(prepared["rows"]).read_bytes()))
        with bench_server(PLAN, home / "server", models=Path(prepared["store"]), predictor=Path()) as server:
            ratios = list(measure_pairs(server, rows, pairs=3 if quick else 12, seconds=2 if quick else 6))
    found = {name: median(pair[name] for pair in ratios) for name in FIGURES}
    for name, ratio in found.items():
        spread = sorted(pair[name] for pair in ratios)
        click.echo(f"{name:>12}  {ratio:.3f} of wrk's, pairs from {spread[0]:.3f} to {spread[-1]:.3f}")
    end_with(f"{name} differs by a tenth" for name, ratio in found.items() if abs(ratio - 1) > MOST_DIFFERENCE)


def measure_pairs(server: BenchServer, rows: Path, *, pairs: int, seconds: int) -> Iterator[dict[str, float]]:
    """The figures of gluonserve as shares of those of wrk, pair by pair; who begins takes turns."""
    run_loadtest(server, rows, seconds=2)
    for number in range(pairs):
        if number % 2:
            theirs, ours = ask_wrk(server, rows, seconds=seconds), run_loadtest(server, rows, seconds=seconds)
        else:
            ours, theirs = run_loadtest(server, rows, seconds=seconds), ask_wrk(server, rows, seconds=seconds)
        say(f"pair {number + 1}: {ours['requests/s']:.0f} and by wrk {theirs['requests/s']:.0f} requests/s")
        yield {name: ours[name] / theirs[name] for name in FIGURES}


def run_loadtest(server: BenchServer, rows: Path, *, seconds: int) -> dict[str, float]:
    host, port = server.address
    command = [sys.executable, "-m", "app.cli", "loadtest", f"http://{host}:{port}", "--key", server.key]
    command += ["--rows", str(rows), "--users", str(USERS), "--duration", str(seconds), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    figures = orjson.loads(done.stdout)["figures"]
    latency = figures["latency"]
    return {"requests/s": figures["per_second"], "p50": latency["p50"], "p99": latency["p99"]}


def ask_wrk(server: BenchServer, rows: Path, *, seconds: int) -> dict[str, float]:
    told = run_wrk(server.address, rows, key=server.key, concurrency=USERS, seconds=seconds)
    return {"requests/s": told.per_second, "p50": told.p50_ms, "p99": told.p99_ms}


if __name__ == "__main__":
    main()
