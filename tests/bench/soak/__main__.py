"""`python -m tests.bench.soak`: whether workers grow over 200,000 requests and 20 activations."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import orjson

from app.release.store import ReleaseStore
from tests.bench.command import bench_command, end_with, run_child, say
from tests.bench.report.machine import describe_machine
from tests.bench.scope import LEAKING, PLAN
from tests.bench.servers.running import bench_server
from tests.bench.soak.judging import SoakResult
from tests.bench.soak.measuring import Soak
from tests.bench.soak.mixture import Mixture

REQUESTS, ACTIVATIONS = 200_000, 20
_QUICK_REQUESTS, _QUICK_ACTIVATIONS = 30_000, 6
_WARM_REQUESTS = 15_000
_SETTINGS = {
    # Full when the server is warm: what grows after that has no bound.
    "GLUONSERVE_CACHE": "on",
    "GLUONSERVE_CACHE_MB": "1",
    # Nobody reaches these limits, and everybody is counted.
    "GLUONSERVE_KEY_REQUESTS_PER_MINUTE": "1000000000",
    "GLUONSERVE_FAILED_ATTEMPTS_PER_MINUTE": "1000000000",
    "GLUONSERVE_MOST_WAIT_MS": "60000",
    "GLUONSERVE_METRICS_NETWORKS": "127.0.0.1",
    # It is no worker; what it takes is measured by tests.bench.monitoring.million.
    "GLUONSERVE_MONITOR": "off",
}


@bench_command(
    epilog="Exit code 1: a promise does not hold. Example: python -m tests.bench.soak --leak --quick",
    quick="Tiny models, fewer requests and activations.",
)
@click.option("--leak", is_flag=True, help="The server keeps 1 KB of each request: this check has to fail.")
@click.option("--requests", type=click.IntRange(min=1000), help="In place of 200,000, or 30,000 with --quick.")
def main(leak: bool, requests: int | None, quick: bool, predictors: Path, cache: Path) -> None:
    """Measure and report; about five minutes on a quiet machine."""
    arguments = ["plan", str(predictors), str(cache), *(["--quick"] if quick else [])]
    prepared = run_child("tests.bench.switching.prepare", *arguments)
    rows = orjson.loads(Path(prepared["rows"]).read_bytes())
    name = LEAKING if leak else PLAN
    with tempfile.TemporaryDirectory(dir=cache, prefix="soak-") as home:
        models = Path(home) / "models"
        shutil.copytree(prepared["store"], models)
        with bench_server(name, Path(home), models=models, predictor=Path(), settings=_SETTINGS) as server:
            soak = Soak(server, ReleaseStore(models), Mixture(rows, key=server.key), say)
            result = soak.run(
                requests=requests or (_QUICK_REQUESTS if quick else REQUESTS),
                activations=_QUICK_ACTIVATIONS if quick else ACTIVATIONS,
                warm_requests=_WARM_REQUESTS,
            )
    figures = cache / f"soak{'-leak' if leak else ''}{'-quick' if quick else ''}.json"
    document = {"machine": describe_machine(), "result": result}
    figures.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
    click.echo("\n".join(["", *render(result), "", str(figures)]))
    broken = list(result.find_broken_promises())
    click.echo("It does not hold:" if broken else "It holds.")
    end_with(broken)


def render(result: SoakResult) -> Iterator[str]:
    yield "| requests | activations | PSS MB | RSS MB | descriptors | threads |"
    yield "| --: | --: | --: | --: | --: | --: |"
    for it in result.readings:
        workers = it.workers.values()
        cells = (
            ", ".join(f"{worker.memory.pss:.1f}" for worker in workers),
            ", ".join(f"{worker.memory.rss:.1f}" for worker in workers),
            ", ".join(str(worker.descriptors) for worker in workers),
            ", ".join(str(worker.threads) for worker in workers),
        )
        yield f"| {it.requests} | {it.activations} | {' | '.join(cells)} |"
    yield ""
    growth = ", ".join(f"{bytes_:.0f}" for bytes_ in result.list_bytes_per_request())
    yield f"A line through all readings: {growth} bytes more for each request that a worker answered."


if __name__ == "__main__":
    main()
