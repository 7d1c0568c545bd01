"""`gluonserve models`: the versions in the model store."""

from __future__ import annotations

import shutil
from typing import Any, BinaryIO

import click
import orjson

from app.cli.activation import activate, rollback
from app.cli.inspection import verify
from app.cli.output import describe_execution, describe_size, print_table
from app.cli.rollout import canary, compare, promote, shadow, withdraw
from app.cli.signing import sign
from app.cli.watching.follow import follow
from app.errors import ReleaseUnusable, Unavailable
from app.release.manifest import Manifest
from app.release.store import CARD, NATIVE
from app.release.verification import read_schema
from app.serving.rollout.versions import VersionSummary, list_versions
from app.wiring.opened import opened_cache
from app.wiring.store.opening import open_store
from config.settings import Settings


@click.group(epilog="Example: gluonserve models activate 3")
def models() -> None:
    """List, show, verify, activate and delete published versions."""


@models.command("list", epilog="Example: gluonserve models list --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_models(settings: Settings, as_json: bool) -> None:
    """List all published versions, oldest first."""
    rows = [_arrange_row(summary) for summary in list_versions(open_store(settings))]
    if as_json:
        _print_json(rows)
    elif rows:
        print_table(list(rows[0]), [[_to_text(value) for value in row.values()] for row in rows])
    else:
        click.echo("No version is published yet. Publish one with: gluonserve train DATA --label COLUMN")


@models.command(epilog="Example: gluonserve models show 3")
@click.argument("version")
@click.option("--json", "as_json", is_flag=True, help="Print the whole manifest and schema as JSON.")
@click.pass_obj
def show(settings: Settings, version: str, as_json: bool) -> None:
    """Show one version: quality, features and what it was made with."""
    store = open_store(settings)
    manifest = store.verify(version, unopened=NATIVE)
    schema = read_schema(store.directory(version))
    if as_json:
        _print_json({"manifest": manifest.to_dict(), "schema": schema.to_dict()})
        return
    _print_overview(manifest)
    print_table(
        ["metric", "held-out value", "95 % interval", "better when"],
        [
            [name, f"{m.value:.4f}", f"{m.low:.4f} to {m.high:.4f}", "higher" if m.higher_is_better else "lower"]
            for name, m in manifest.quality.items()
        ],
    )
    importance = manifest.feature_importance
    print_table(
        ["feature", "type", "nulls", "importance"],
        [
            [
                f.name,
                f.type,
                _to_text(f.nullable),
                f"{importance[f.name].importance:.4f}" if f.name in importance else "",
            ]
            for f in schema.features
        ],
    )


@models.command(epilog="Example: gluonserve models card 3 --output churn-3.html")
@click.argument("version")
@click.option("--output", type=click.File("wb", lazy=True), help="Write the page to this file; - prints it.")
@click.pass_obj
def card(settings: Settings, version: str, output: BinaryIO | None) -> None:
    """Print where the model card of a version lies, one HTML page, or write the page to a file."""
    store = open_store(settings)
    manifest = store.verify(version, unopened=NATIVE)
    if CARD not in manifest.files:
        raise ReleaseUnusable(f"Version {version} has no model card: it was published before there were any.")
    path = store.directory(version) / CARD
    if output is None:
        click.echo(path)
    else:
        output.write(path.read_bytes())


@models.command(epilog="Example: gluonserve models delete 3")
@click.argument("version")
@click.pass_obj
def delete(settings: Settings, version: str) -> None:
    """Remove a version for good, and its training where it is kept here; its number is not given again.

    The active version, the previous one and a candidate are not removed.
    """
    open_store(settings).delete(version)
    shutil.rmtree(settings.trainings_path / version, ignore_errors=True)
    _forget_answers(settings, version)
    click.echo(f"Version {version} is deleted.")


for command in (activate, rollback, canary, shadow, compare, promote, withdraw, follow, sign, verify):
    models.add_command(command)


def _forget_answers(settings: Settings, version: str) -> None:
    """Fallback: where Redis does not answer, what it holds of the version ends with its time; said."""
    try:
        with opened_cache(settings) as cache:
            cache.clear(f"*:{version}")
    except Unavailable as fault:
        click.echo(f"Its remembered answers are left to their time. {fault.detail}", err=True)


def _arrange_row(summary: VersionSummary) -> dict[str, Any]:
    quality = summary.quality
    return {
        "version": summary.version,
        "active": summary.is_active,
        "name": summary.name or "(damaged)",
        "problem_type": summary.problem_type,
        "metric": summary.eval_metric,
        "value": round(quality.value, 4) if quality else None,
        "size_mb": None if summary.size_mb is None else round(summary.size_mb, 1),
        "created": summary.created,
    }


def _print_overview(manifest: Manifest) -> None:
    libraries = ", ".join(f"{name} {version}" for name, version in manifest.libraries.items())
    click.echo(f"{manifest.name} version {manifest.version}, published {manifest.created}")
    click.echo(f"Predicts {manifest.label} ({manifest.problem_type}) with {manifest.best_model}")
    click.echo(describe_size(manifest.size_mb, manifest.size_before_mb))
    click.echo(f"Made with {libraries}")
    click.echo(describe_execution(manifest.plan_refusal))


def _to_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _print_json(content: object) -> None:
    click.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
