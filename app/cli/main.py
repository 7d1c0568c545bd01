"""The command `gluonserve`. Each command calls the same functions as HTTP does."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

from app.cli.commands.loading import LazyCommands
from app.errors import DatabaseError, ReleaseUnusable, ServiceError, is_storage_fault
from config.settings import SettingsError, load_settings

REFUSED, USAGE = 1, 2

# Packages without which the slim image runs.
_OF_TRAINING = ("autogluon", "pandas")


COMMANDS = LazyCommands(
    {
        "alerts": "app.cli.watching.alerts",
        "audit": "app.cli.access.audit",
        "cache": "app.cli.cache",
        "features": "app.cli.watching.features",
        "keys": "app.cli.access.keys",
        "loadtest": "app.cli.loadtest.command",
        "models": "app.cli.models",
        "monitor": "app.cli.watching.monitor",
        "optimise": "app.cli.optimise",
        "predict": "app.cli.scoring.predict",
        "publish": "app.cli.train",
        "serve": "app.cli.serve",
        "tokens": "app.cli.access.tokens",
        "train": "app.cli.train",
        "worker": "app.cli.scoring.worker",
    }
)


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
        except OSError as fault:
            if not is_storage_fault(fault):
                raise
            _fail(f"{_name_place(fault)} cannot be written: {fault.strerror}. Make room there and try again.", REFUSED)
        except ModuleNotFoundError as fault:
            if (fault.name or "").partition(".")[0] not in _OF_TRAINING:
                raise
            _fail("this needs AutoGluon, which is not installed here; the full image of gluonserve has it.", REFUSED)


@click.group(
    cls=GluonserveGroup,
    commands=COMMANDS,
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


def _name_place(fault: OSError) -> str:
    """A write to an open file does not tell which one it is."""
    return str(fault.filename or "A file below GLUONSERVE_HOME, MODEL_PATH or TMPDIR")


def _fail(sentence: str, exit_code: int) -> NoReturn:
    click.echo(f"Error: {sentence}", err=True)
    sys.exit(exit_code)
