"""`python -m tests.bench.switching`: activations and rollbacks under load, as a table, and what does not hold."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import click
import orjson

from app.release.store import ReleaseStore
from app.runtime.loading import Execution
from tests.bench.command import bench_command, end_with, run_child, say
from tests.bench.report.machine import describe_machine
from tests.bench.scope import PLAN
from tests.bench.servers.running import bench_server
from tests.bench.switching.judging import ExpectedAnswer
from tests.bench.switching.measuring import SwitchingMeasurement
from tests.bench.switching.results import SwitchingResult
from tests.bench.switching.scope import choose_scope
from tests.bench.switching.table import render_table
from tests.bench.switching.traffic import Traffic, make_traffic


@bench_command(
    epilog="Exit code 1: a promise does not hold. Example: python -m tests.bench.switching --native",
    quick="Tiny models, few activations.",
)
@click.option("--native", is_flag=True, help="AutoGluon answers in place of the compiled plan.")
def main(native: bool, quick: bool, predictors: Path, cache: Path) -> None:
    """Measure and report."""
    execution: Execution = "native" if native else "plan"
    arguments = [execution, str(predictors), str(cache), *(["--quick"] if quick else [])]
    prepared = run_child("tests.bench.switching.prepare", *arguments)
    with tempfile.TemporaryDirectory(dir=cache, prefix="switching-") as home:
        result = measure(prepared, Path(home), execution, quick=quick)
    figures = cache / f"switching-{execution}{'-quick' if quick else ''}.json"
    document = {"machine": describe_machine(), "result": result}
    figures.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))
    click.echo(f"\n{render_table(result)}\n\n{figures}\n")
    end_with(result.find_broken_promises())


def measure(prepared: Any, home: Path, execution: Execution, *, quick: bool) -> SwitchingResult:
    """Serve a copy of the prepared store, for it will be changed."""
    models = home / "models"
    shutil.copytree(prepared["store"], models)
    with bench_server(
        PLAN, home, models=models, predictor=Path(), settings={"GLUONSERVE_EXECUTION": execution}
    ) as server:
        measurement = SwitchingMeasurement(
            server, ReleaseStore(models), read_traffic(prepared, server.key), choose_scope(execution, quick=quick), say
        )
        return measurement.run()


def read_traffic(prepared: Any, key: str) -> Traffic:
    rows = orjson.loads(Path(prepared["rows"]).read_bytes())
    answers = orjson.loads(Path(prepared["expected"]).read_bytes())
    expected = {version: [ExpectedAnswer(**answer) for answer in given] for version, given in answers.items()}
    return make_traffic(rows, expected, key=key)


if __name__ == "__main__":
    main()
