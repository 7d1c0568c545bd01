"""`gluonserve alerts`: what is wrong now, and whether people would hear of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from app.cli.output import print_json, print_table
from app.wiring.alerts import make_courier, make_writer, opened_alert_history, require_alert_rules, require_destinations
from config.settings import Settings, SettingsError

_FAILED = 1


@click.group()
def alerts() -> None:
    """See what is wrong now, and try whether people would hear of it."""


@alerts.command("test", epilog="Example: gluonserve alerts test")
@click.pass_obj
def send_test(settings: Settings) -> None:
    """Send a test message to each destination, and say what became of it. Ends with 1 when one did not take it."""
    require_alert_rules(settings)
    destinations = require_destinations(settings)
    if not destinations:
        raise SettingsError("There is no destination: name some in GLUONSERVE_ALERT_DESTINATIONS.")
    courier, message = make_courier(settings), make_writer().write_test()
    started = [(one, courier.start(one, message)) for one in destinations]
    errors = {one.name: attempt.wait().error for one, attempt in started}
    for name, error in errors.items():
        click.echo(f"{name}: {'the message was taken' if error is None else error}")
    if any(errors.values()):
        sys.exit(_FAILED)


@alerts.command("list", epilog="Example: gluonserve alerts list --last 20")
@click.option("--last", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many that are over.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with all that is known.")
@click.pass_obj
def list_alerts(settings: Settings, last: int, as_json: bool) -> None:
    """List what fires now, and what was over last, newest first."""
    with opened_alert_history(settings) as history:
        found = history.list(most_over=last)
    if as_json:
        print_json(found)
    elif found:
        columns = ["state", "severity", "rule", "of", "since", "what", "deliveries"]
        print_table(columns, [_describe(one) for one in found])
    else:
        click.echo("Nothing is wrong, and nothing was.")


def _describe(alert: Mapping[str, Any]) -> list[str]:
    of = ", ".join(f"{name} {value}" for name, value in sorted(alert["labels"].items()))
    told = [alert[name] for name in ("state", "severity", "rule")]
    return [*told, of, alert["since"][:16], alert["summary"], _describe_deliveries(alert["deliveries"])]


def _describe_deliveries(deliveries: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['destination']}: {one['error'] or one['state']}" for one in deliveries)
