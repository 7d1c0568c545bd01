"""`gluonserve audit`: who did what to the installation."""

from __future__ import annotations

from dataclasses import asdict

import click

from app.cli.output import print_json, print_table
from app.security.audit import AuditEntry
from app.wiring.opened import opened_audit
from config.settings import Settings


@click.command(epilog="Example: gluonserve audit --last 20")
@click.option("--last", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many acts are shown.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all that was noted.")
@click.pass_obj
def audit(settings: Settings, last: int, as_json: bool) -> None:
    """List the last activations, rollbacks and changes of keys, newest first: who, what and how it ended."""
    with opened_audit(settings) as log:
        entries = log.list(most=last)
    if as_json:
        print_json([asdict(entry) for entry in entries])
    elif entries:
        columns = ["at", "actor", "action", "target", "before", "after", "outcome"]
        print_table(columns, [_describe(entry) for entry in entries])
    else:
        click.echo("Nothing was done yet that the audit table keeps.")


def _describe(entry: AuditEntry) -> list[str]:
    values = (entry.actor, entry.action, entry.target, entry.before, entry.after, entry.outcome)
    return [f"{entry.at:%Y-%m-%d %H:%M:%S} UTC", *(value or "" for value in values)]
