"""`python -m tests.bench.worst_bodies`: what the worst bodies of 1 MB cost, the costliest first."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from tests.bench.worst.bodies import BODIES
from tests.bench.worst.measuring import ACCEPTED, judging
from tests.bench.worst.schemas import SCHEMAS

LIMIT_MS = 30
FAILED = 1


@click.command(epilog="Example: python -m tests.bench.worst_bodies --schema churn --mb 1")
@click.option("--schema", "names", multiple=True, type=click.Choice(list(SCHEMAS)), help="Only this; all otherwise.")
@click.option("--mb", default=1.0, help="Size of each body.")
@click.option("--times", default=3, help="Requests of each body, of which the cheapest counts.")
def main(names: tuple[str, ...], mb: float, times: int) -> None:
    """Send every body to an application without a model, and tell the CPU time from first byte to answer."""
    worst = 0.0
    for name in names or SCHEMAS:
        found = measure_schema(name, int(mb * 1_000_000), times)
        click.echo(f"\n{name}\n{'CPU ms':>8} {'status':>7} {'answer KB':>10}  body")
        for milliseconds, status, kilobytes, body in sorted(found, reverse=True):
            shown = "taken" if status == ACCEPTED else str(status)
            click.echo(f"{milliseconds:8.1f} {shown:>7} {kilobytes:10.1f}  {body}")
        worst = max(worst, *(row[0] for row in found))
    click.echo(f"\nworst {worst:.1f} ms, limit {LIMIT_MS} ms")
    sys.exit(FAILED if worst > LIMIT_MS else 0)


def measure_schema(name: str, size: int, times: int) -> list[tuple[float, int, float, str]]:
    schema = SCHEMAS[name]
    found = []
    with tempfile.TemporaryDirectory() as home, judging(Path(home), schema) as judge:
        for position, (body, make) in enumerate(BODIES.items(), start=1):
            click.echo(f"\r{name}: {position} of {len(BODIES)}", err=True, nl=False)
            cost = judge.measure(make(schema, size), times=times)
            found.append((cost.milliseconds, cost.status, cost.answer_bytes / 1000, body))
    return found


if __name__ == "__main__":
    main()
