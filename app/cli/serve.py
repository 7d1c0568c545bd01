"""`gluonserve serve`: become gunicorn with the project's configuration."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

import config
from app.database import create_tables, opened_database
from app.wiring.access import open_redis
from app.wiring.alerts import require_alert_rules
from app.wiring.releases import read_rollout_rules
from app.wiring.store.opening import require_trust
from config.settings import load_settings, require_secret

# By path: in the working directory another project may have a `config` of its own.
GUNICORN_CONFIG = str(Path(config.__file__).with_name("gunicorn.py"))


@click.command(epilog="Example: gluonserve serve --bind 0.0.0.0:8000 --workers 2")
@click.option("--bind", metavar="HOST:PORT", help="Address to listen on; BIND and 127.0.0.1:8000 otherwise.")
@click.option("--workers", type=int, metavar="N", help="Worker processes; WEB_CONCURRENCY and the cores otherwise.")
def serve(bind: str | None, workers: int | None) -> None:
    """Serve the active model over HTTP until SIGTERM or Ctrl-C."""
    if bind is not None:
        os.environ["BIND"] = bind
    if workers is not None:
        os.environ["WEB_CONCURRENCY"] = str(workers)
    settings = load_settings()
    require_secret(settings)
    require_trust(settings)
    read_rollout_rules(settings)
    require_alert_rules(settings)
    open_redis(settings)
    # Here a fault is one sentence. In a worker it would be a traceback, and later on it must not end anything.
    with opened_database(settings.database_url) as database:
        create_tables(database)
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", GUNICORN_CONFIG])
