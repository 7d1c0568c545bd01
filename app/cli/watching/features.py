"""`gluonserve features`: of which features no unseen value is accepted now."""

from __future__ import annotations

from dataclasses import asdict

import click

from app.cli.activation import name_operator
from app.cli.output import print_json, print_table
from app.wiring.opened import opened_rejections
from config.settings import Settings


@click.group()
def features() -> None:
    """Refuse values of a feature that training never saw, or accept them again."""


@features.command("rejected", epilog="Example: gluonserve features rejected")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_rejected(settings: Settings, as_json: bool) -> None:
    """List the features whose unseen values are refused, whatever GLUONSERVE_UNSEEN_VALUES says."""
    with opened_rejections(settings) as rejections:
        found = rejections.list()
    if as_json:
        print_json([asdict(one) for one in found])
    elif found:
        print_table(
            ["version", "feature", "since", "by", "reason"],
            [[one.version, one.feature, one.since, one.by, one.reason] for one in found],
        )
    else:
        click.echo("No feature is rejected.")


@features.command("reject", epilog="Example: gluonserve features reject tenure")
@click.argument("feature")
@click.pass_obj
def reject(settings: Settings, feature: str) -> None:
    """Refuse unseen categories of a feature, and numbers outside of what training saw, with 422.

    Holds for the active version until `gluonserve features accept`. All workers follow at once.
    """
    with opened_rejections(settings) as rejections:
        rejection = rejections.reject(feature, by=name_operator())
    click.echo(f"Version {rejection.version} refuses values of {rejection.feature} that training never saw.")


@features.command("accept", epilog="Example: gluonserve features accept tenure")
@click.argument("feature", required=False)
@click.option("--all", "accept_all", is_flag=True, help="All features of all versions.")
@click.pass_obj
def accept(settings: Settings, feature: str | None, accept_all: bool) -> None:
    """Accept unseen values of a feature again, as far as GLUONSERVE_UNSEEN_VALUES does."""
    if (feature is None) != accept_all:
        raise click.UsageError("Name one feature, or say --all.")
    with opened_rejections(settings) as rejections:
        if feature is None:
            rejections.accept_all(by=name_operator())
        else:
            rejections.accept(feature, by=name_operator())
    click.echo("Unseen values are accepted again, as far as GLUONSERVE_UNSEEN_VALUES accepts them.")
