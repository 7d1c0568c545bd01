"""`gluonserve cache`: the answers that are remembered."""

from __future__ import annotations

import click

from app.cli.output import print_json, print_table
from app.serving.cache.administration import CacheStatistics
from app.serving.cache.counts import CacheUse
from app.wiring.opened import opened_cache
from config.settings import Settings


@click.group()
def cache() -> None:
    """Show what is remembered of earlier predictions, or have it forgotten."""


@cache.command(epilog="Example: gluonserve cache stats --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def stats(settings: Settings, as_json: bool) -> None:
    """Show what workers and Redis remember, and how often that was of use."""
    with opened_cache(settings) as administration:
        found = administration.describe()
    if as_json:
        print_json(_arrange(found))
    else:
        _print(found)


@cache.command(epilog="Example: gluonserve cache clear --pattern 'churn:*'")
@click.option("--pattern", default="*", help="Only of releases whose NAME:VERSION it fits; * stands for anything.")
@click.pass_obj
def clear(settings: Settings, pattern: str) -> None:
    """Have workers and Redis forget answers. They are computed anew when somebody asks."""
    with opened_cache(settings) as administration:
        removed = administration.clear(pattern)
    in_redis = "" if removed is None else f" {removed:,} were removed from Redis."
    click.echo(f"Workers forget the answers of {pattern}.{in_redis}")


def _print(found: CacheStatistics) -> None:
    if found.shared:
        print_table(["in Redis", "rows"], [[release, f"{rows:,}"] for release, rows in sorted(found.shared.items())])
    elif found.shared is not None:
        click.echo("Redis holds no answers.")
    if found.workers:
        print_table(
            ["worker", "rows", "MB", "looked for", "known"],
            [
                [one.name, f"{one.rows:,}", f"{one.bytes / 1e6:.1f}", f"{one.use.looked_for:,}", _write_ratio(one.use)]
                for one in found.workers
            ],
        )
    else:
        click.echo("No worker that remembers answers is running.")


def _write_ratio(use: CacheUse) -> str:
    return "" if use.hit_ratio is None else f"{use.hit_ratio:.1%}"


def _arrange(found: CacheStatistics) -> dict[str, object]:
    return {
        "redis": found.shared,
        "workers": [
            {
                "worker": one.name,
                "rows": one.rows,
                "bytes": one.bytes,
                "looked_for": one.use.looked_for,
                "known": one.use.known,
            }
            for one in found.workers
        ],
        "looked_for": found.use.looked_for,
        "known": found.use.known,
        "hit_ratio": found.use.hit_ratio,
    }
