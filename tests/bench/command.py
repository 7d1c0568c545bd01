"""What the commands of the benchmarks have in common: their options, their children, how they end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import click
import orjson

from tests.bench.servers.running import ROOT, ServerFailed

FAILED = 1


def bench_command(*, epilog: str, quick: str) -> Callable[[Callable[..., None]], click.Command]:
    """Make a command of a function that takes `quick`, `predictors` and `cache`, the last an absolute path to a folder.

    Args:
        quick: What is left out by --quick.
    """

    def decorate(main: Callable[..., None]) -> click.Command:
        @click.command(epilog=epilog)
        @click.option("--quick", is_flag=True, help=quick)
        @click.option(
            "--predictors",
            type=click.Path(path_type=Path),
            default=lambda: os.environ.get("BENCH_PREDICTORS"),
            metavar="DIR",
            help="Where churn, hpc and diamonds lie, or are put; BENCH_PREDICTORS or var/bench/predictors otherwise.",
        )
        @click.option(
            "--cache",
            type=click.Path(path_type=Path),
            default=ROOT / "var" / "bench",
            metavar="DIR",
            help="Where releases, homes of servers and figures are kept; var/bench otherwise.",
        )
        @wraps(main)
        def command(predictors: Path | None, cache: Path, **others: Any) -> None:
            cache = cache.absolute()
            cache.mkdir(parents=True, exist_ok=True)
            try:
                main(predictors=predictors or cache / "predictors", cache=cache, **others)
            except ServerFailed as failure:
                raise click.ClickException(str(failure)) from None

        return command

    return decorate


def run_child(module: str, *arguments: str) -> Any:
    """Run a module in a process of its own, which tells its progress itself; return the JSON of its last line.

    Raises:
        click.ClickException: when it fails.
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise click.ClickException(f"`{module} {' '.join(arguments)}` ended with exit code {done.returncode}.")
    return orjson.loads(done.stdout.splitlines()[-1])


def end_with(broken: Iterable[str]) -> NoReturn:
    """Say which promises do not hold; the exit code tells whether all of them do."""
    sentences = list(broken)
    for sentence in sentences:
        click.echo(f"FAILS  {sentence}")
    sys.exit(FAILED if sentences else 0)


def say(text: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {text}", err=True)
