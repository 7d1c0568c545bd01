"""`gluonserve models follow`: what other machines made active becomes active here, as a process of its own."""

from __future__ import annotations

import click

from app.cli.watching.stopping import stop_at_signals
from app.wiring.opened import opened_depot_follower
from config.logging import configure_logging
from config.settings import Settings, list_secrets


@click.command(epilog="Example: gluonserve models follow --once")
@click.option("--once", is_flag=True, help="Fetch and activate what is active elsewhere, and end.")
@click.pass_obj
def follow(settings: Settings, once: bool) -> None:
    """Make active here what is made active on any machine that shares MODEL_STORE, until SIGTERM or Ctrl-C.

    `gluonserve serve` starts one beside the server where MODEL_STORE is set.
    """
    configure_logging(settings.log_level, format=settings.log_format, secrets=list_secrets(settings))
    with opened_depot_follower(settings) as follower:
        if not once:
            follower.run(stop_at_signals())
        elif (version := follower.look()) is not None:
            click.echo(f"Version {version} is active.")
        else:
            click.echo("Nothing has changed.")
