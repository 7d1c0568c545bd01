"""`python -m tests.bench.hostile`: hostile requests, keys and tokens, and what of the promises does not hold."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import orjson

from tests.bench.command import FAILED, bench_command, run_child, say
from tests.bench.hostile.installation import attacked_installation
from tests.bench.hostile.parts import FULL, QUICK, PartResult, Parts
from tests.bench.report.machine import describe_machine
from tests.bench.scope import CHURN

PARTS = ("tokens", "timing", "requests", "keys", "dump")


@bench_command(
    epilog="Exit code 1: a promise does not hold. Example: python -m tests.bench.hostile requests --quick",
    quick="A small share of each part.",
)
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
def main(parts: tuple[str, ...], quick: bool, predictors: Path, cache: Path) -> None:
    """Attack and report. Without PARTS all of them."""
    prepared = run_child("tests.bench.models.prepare", CHURN.name, str(predictors), str(cache))
    with tempfile.TemporaryDirectory(dir=cache, prefix="hostile-") as directory:
        results = run_parts(parts or PARTS, prepared, Path(directory) / "home", quick=quick)
    figures = cache / f"hostile{'-quick' if quick else ''}.json"
    figures.write_bytes(
        orjson.dumps(
            {"machine": describe_machine(), "parts": [vars(result) for result in results]},
            option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS,
        )
    )
    click.echo(f"\n{figures}")
    sys.exit(FAILED if any(result.broken for result in results) else 0)


def run_parts(names: tuple[str, ...], prepared: Any, home: Path, *, quick: bool) -> list[PartResult]:
    rows = orjson.loads(Path(prepared["rows"]).read_bytes())
    results = []
    with attacked_installation(Path(prepared["store"]), home) as installation:
        parts = Parts(installation, rows, QUICK if quick else FULL, say)
        for name in names:
            say(f"{name} ...")
            began = time.monotonic()
            result = parts.by_name[name]()
            print_result(result, seconds=time.monotonic() - began)
            results.append(result)
    return results


def print_result(result: PartResult, *, seconds: float) -> None:
    click.echo(f"\n{result.name} ({seconds:.0f} s)")
    for name, value in result.figures.items():
        lines = value.items() if name == "by kind" else [(name, value)]
        for line in lines:
            click.echo(f"  {line[0]}: {line[1]}")
    for sentence in result.broken:
        click.echo(f"  FAILS  {sentence}")


if __name__ == "__main__":
    main()
