"""`gluonserve predict`: score a file on this machine or a cluster, without a server."""

from __future__ import annotations

import sys

import click

from app.cli.output import print_json
from app.cli.scoring.progress import choose_display
from app.serving.scoring.local_engine import LocalEngine
from app.serving.scoring.order import Progress, ReleaseChoice, ScoringRefused
from app.serving.scoring.places import opened_table, require_format, written_result
from app.serving.scoring.ray_engine import RayEngine
from app.wiring.store.choosing import choose_release
from config.settings import Settings

_REFUSED = 1
_FAULTS_SHOWN = 20
_DESCRIPTIONS = {
    "unseen": "categories that training has not seen",
    "out_of_range": "numbers and dates outside the range of training",
    "new_null": "nulls where no data told whether training had any",
    "unknown_field": "columns that the model does not know, counted in each part of the table",
    "unlisted": "parts of the table with more of these than are counted",
}


@click.command(epilog="Example: gluonserve predict customers.csv scores.parquet")
@click.argument("source", metavar="IN")
@click.argument("result", metavar="OUT")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--version", metavar="V", help="The version that answers; the active one otherwise.")
@click.option("--processes", type=click.IntRange(1, 256), metavar="N", help="As many as workers fit here otherwise.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_obj
def predict(
    settings: Settings,
    /,
    source: str,
    result: str,
    engine: str,
    version: str | None,
    processes: int | None,
    as_json: bool,
) -> None:
    """Predict every row of IN into OUT, in the order of the rows, or nothing at all.

    The names tell the formats: .csv, .jsonl, .ndjson, .parquet, .pq, .arrows; IN may be compressed too (.gz, .zst).
    Both may lie in S3, GCS or Azure (s3://..., with the extra of that name). OUT appears when it is whole.

    With --engine ray, IN and OUT are directories of Parquet files, and the cluster of RAY_ADDRESS does the work.
    """
    choice = choose_release(settings, version)
    try:
        if engine == "ray":
            progress = RayEngine(choice, actors=processes).score(source, result)
        else:
            progress = _score_here(choice, source, result, processes=processes or settings.workers)
    except ScoringRefused as refused:
        _show_faults(refused)
        raise
    if as_json:
        print_json(
            {
                "rows": progress.rows,
                "seconds": round(progress.seconds, 3),
                "warnings": progress.warnings,
                "parts_by_rows": progress.parts_by_rows,
            }
        )
    else:
        _show_outcome(progress, result)


def _score_here(choice: ReleaseChoice, source: str, result: str, *, processes: int) -> Progress:
    result_type = require_format(result)
    with opened_table(source) as table, choose_display() as display, written_result(result) as sink:
        engine = LocalEngine(choice, processes=processes, watcher=display)
        return engine.score(table.file, table.media_type, sink, result_type, size=table.size)


def _show_outcome(progress: Progress, result: str) -> None:
    click.echo(
        f"Predicted {progress.rows:,} rows in {progress.seconds:.1f} s "
        f"({progress.rows_per_second:,.0f} a second) into {result}"
    )
    for kind, count in progress.warnings.items():
        click.echo(f"Accepted: {count:,} {_DESCRIPTIONS[kind]}")


def _show_faults(refused: ScoringRefused) -> None:
    for fault in refused.faults[:_FAULTS_SHOWN]:
        place = f"{fault.field}: " if fault.field else ""
        click.echo(f"row {fault.row}: {place}{fault.message}", err=True)
    if len(refused.faults) > _FAULTS_SHOWN:
        click.echo(f"... and {len(refused.faults) - _FAULTS_SHOWN} more", err=True)
    sys.stderr.flush()
