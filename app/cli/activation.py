"""`gluonserve models activate` and `rollback`."""

from __future__ import annotations

import getpass
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from app.cli.output import print_json
from app.serving.rollout.activation import Activation, OnStep
from app.wiring.opened import opened_activator
from config.settings import Settings

_QUIET_SECONDS = 2.0


@click.command(epilog="Example: gluonserve models activate 3")
@click.argument("version")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def activate(settings: Settings, version: str, as_json: bool) -> None:
    """Make a version the one that is served.

    It is verified and tried in a process of its own, and every running worker makes it ready beside what it serves.
    Then all of them switch at once. When anything fails, nothing changes.
    """
    with opened_activator(settings) as activator, telling_slow_steps() as on_step:
        result = activator.activate(version, by=name_operator(), on_step=on_step)
    print_activation(result, as_json=as_json)


@click.command(epilog="Example: gluonserve models rollback")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def rollback(settings: Settings, as_json: bool) -> None:
    """Go back to the version that was active before. Workers hold it ready, so it takes less than a second."""
    with opened_activator(settings) as activator, telling_slow_steps() as on_step:
        result = activator.rollback(by=name_operator(), on_step=on_step)
    print_activation(result, as_json=as_json)


def make_activation(settings: Settings) -> Callable[[str], Activation]:
    """What activates a version just published, in the way of `models activate`."""

    def activate_published(version: str) -> Activation:
        with opened_activator(settings) as activator:
            return activator.activate(version, by=name_operator())

    return activate_published


def name_operator() -> str:
    """Who runs this command, for the audit table and the pointer's history."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return f"cli:{os.getuid()}"


@contextmanager
def telling_slow_steps() -> Iterator[OnStep]:
    """Print a step when it is still under way after two seconds."""
    timers: list[threading.Timer] = []

    def note(step: str) -> None:
        if timers:
            timers[-1].cancel()
        timers.append(threading.Timer(_QUIET_SECONDS, click.echo, (f"{step} ...",), {"err": True}))
        timers[-1].daemon = True
        timers[-1].start()

    try:
        yield note
    finally:
        for timer in timers:
            timer.cancel()


def print_activation(result: Activation, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(result))
        return
    before = f" (before: version {result.previous})" if result.previous else ""
    workers = f", served by {result.workers} worker{'' if result.workers == 1 else 's'}" if result.workers else ""
    click.echo(f"Version {result.version} is active{before}{workers}.")
    if result.unconfirmed:
        click.echo(f"These workers have not confirmed it yet: {', '.join(result.unconfirmed)}", err=True)
