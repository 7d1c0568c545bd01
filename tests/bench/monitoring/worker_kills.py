"""`python -m tests.bench.monitoring.worker_kills`: workers killed under load, and what their prediction log lost."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
import orjson

from app.database import create_tables, opened_database
from app.security.keys.store import KeyStore
from config.settings import load_settings, require_secret
from tests.bench.command import bench_command, end_with, run_child, say
from tests.bench.load.requests import make_requests
from tests.flows.monitoring.tail_losses import TailLosses, kill_workers
from tests.server import running_server, wait_until

MOST_SECONDS = 0.5
_SETTINGS = {"GLUONSERVE_UNSIGNED_RELEASES": "allow", "GLUONSERVE_MONITOR": "off"}


@bench_command(
    epilog="Exit code 1: a promise does not hold. Example: python -m tests.bench.monitoring.worker_kills --kills 20",
    quick="20 kills.",
)
@click.option("--kills", default=200, show_default=True)
@click.option("--rate", default=150.0, show_default=True, help="Requests a second meanwhile.")
@click.option("--seed", default=1, show_default=True)
def main(quick: bool, kills: int, rate: float, seed: int, predictors: Path, cache: Path) -> None:
    """Kill one of two workers after the other; some minutes."""
    prepared = run_child("tests.bench.switching.prepare", "plan", str(predictors), str(cache), "--quick")
    row = orjson.loads(Path(prepared["rows"]).read_bytes())[:1]
    with tempfile.TemporaryDirectory(dir=cache, prefix="kills-") as place:
        home = Path(place)
        shutil.copytree(prepared["store"], home / "models")
        request = make_requests(row, rows_per_request=1, key=make_key(home), count=1)[0]
        with running_server(home, environment=_SETTINGS) as server:
            wait_until(server.is_ready, seconds=60)
            say(f"{20 if quick else kills} kills")
            found = kill_workers(server, home, request, kills=20 if quick else kills, rate=rate, seed=seed)
    click.echo(orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2).decode())
    end_with(find_broken_promises(found))


def make_key(home: Path) -> str:
    settings = load_settings({"GLUONSERVE_HOME": str(home)})
    with opened_database(settings.database_url) as database:
        create_tables(database)
        return KeyStore(database, require_secret(settings)).create("bench", ("predict",)).text


def find_broken_promises(found: TailLosses) -> Iterator[str]:
    if found.not_of_a_tail or found.invented or found.damaged:
        yield "Something else than the ends of the killed workers' logs is wrong."
    if found.oldest_seconds > MOST_SECONDS:
        yield f"A request was lost that was answered {found.oldest_seconds:.2f} s before the kill."
    if not found.lost:
        yield "Nothing was lost: the load was too small for this measurement to find anything."


if __name__ == "__main__":
    main()
