"""`python -m tests.bench.monitoring.watcher_kills`: watchers killed at random moments; counts have to be exact."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import click

from tests.bench.command import end_with
from tests.flows.monitoring.killing import count_after_kills


@click.command(epilog="Exit code 1 says that a request was counted twice, or not at all.")
@click.option("--kills", default=200, show_default=True)
@click.option("--most-seconds", default=0.6, show_default=True, help="How long a watcher lives at most.")
@click.option("--seed", default=1, show_default=True)
def main(kills: int, most_seconds: float, seed: int) -> None:
    """Kill one watcher after the other while the log grows, and compare the snapshots with the log."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gluonserve-kills-") as home:
        logged, told = count_after_kills(Path(home), kills=kills, most_seconds=most_seconds, seed=seed)
    click.echo(f"{kills} kills in {time.monotonic() - begun:.0f} s: {logged} requests logged, {told} counted")
    end_with([] if told == logged else [f"{told} of {logged} requests are in the snapshots."])


if __name__ == "__main__":
    main()
