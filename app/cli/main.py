"""The command `gluonserve`. Each command calls the same functions as HTTP does."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from app.cli.access.audit import audit
from app.cli.access.keys import keys
from app.cli.access.tokens import tokens
from app.cli.cache import cache
from app.cli.inspection import verify
from app.cli.loadtest.command import loadtest
from app.cli.models import models
from app.cli.optimise import optimise
from app.cli.scoring.predict import predict
from app.cli.scoring.worker import worker
from app.cli.serve import serve
from app.cli.signing import make_signing_key, sign
from app.cli.train import publish, train
from app.cli.watching.alerts import alerts
from app.cli.watching.features import features
from app.cli.watching.follow import follow
from app.cli.watching.monitor import monitor
from app.database import DatabaseError
from app.errors import ReleaseUnusable, ServiceError
from config.settings import SettingsError, load_settings

REFUSED, USAGE = 1, 2

# Packages without which the slim image runs.
_OF_TRAINING = ("autogluon", "pandas")


class GluonserveGroup(click.Group):
    """Turns every foreseeable fault into one sentence and the exit code of the contract."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SettingsError as fault:
            _fail(str(fault), USAGE)
        except ServiceError as fault:
            _fail(fault.detail, REFUSED)
        except (ReleaseUnusable, DatabaseError) as fault:
            _fail(str(fault), REFUSED)
        except ModuleNotFoundError as fault:
            if (fault.name or "").partition(".")[0] not in _OF_TRAINING:
                raise
            _fail("this needs AutoGluon, which is not installed here; the full image of gluonserve has it.", REFUSED)


@click.group(
    cls=GluonserveGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: gluonserve train churn.csv --label churn --activate && gluonserve serve",
)
@click.version_option(package_name="gluonserve")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Take an AutoGluon tabular model from a CSV to production.

    All state lives in GLUONSERVE_HOME (default ./var). Every setting is an environment variable, see docs/settings.md.
    """
    ctx.obj = load_settings()


_COMMANDS = (
    train,
    publish,
    optimise,
    models,
    keys,
    tokens,
    audit,
    serve,
    predict,
    monitor,
    worker,
    alerts,
    features,
    cache,
    loadtest,
)
for command in _COMMANDS:
    main.add_command(command)
keys.add_command(make_signing_key)
models.add_command(follow)
models.add_command(sign)
models.add_command(verify)


def _fail(sentence: str, exit_code: int) -> NoReturn:
    click.echo(f"Error: {sentence}", err=True)
    sys.exit(exit_code)
