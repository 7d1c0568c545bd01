"""`gluonserve monitor`: the watcher, as a process of its own."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli.watching.stopping import stop_at_signals
from app.database import create_tables, opened_database
from app.monitoring.watcher.file import FileUnusable
from app.wiring.watcher import build_watcher
from config.logging import configure_logging
from config.settings import Settings, list_secrets


@click.command(epilog="Example: gluonserve monitor --once")
@click.option("--once", is_flag=True, help="Read the log to its end, tell what it came to, and end.")
@click.pass_obj
def monitor(settings: Settings, once: bool) -> None:
    """Watch the installation until SIGTERM or Ctrl-C: read the prediction log, keep snapshots, send alerts.

    One process of an installation watches; any other one stands by and takes over when it ends. `gluonserve serve`
    starts one beside the server unless GLUONSERVE_MONITOR is off.
    """
    configure_logging(settings.log_level, format=settings.log_format, secrets=list_secrets(settings))
    with opened_database(settings.database_url) as database:
        create_tables(database)
        watcher = build_watcher(settings, database)
        try:
            if once:
                click.echo(f"Read {watcher.run_once()} records.")
            else:
                # For those who list processes: what ps and the metrics of the server call it.
                Path("/proc/self/comm").write_text("monitor")
                watcher.run(stop_at_signals())
        except FileUnusable as fault:
            raise click.ClickException(str(fault)) from None
