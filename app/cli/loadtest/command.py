"""`gluonserve loadtest`: options in, report out, an exit code that a build server understands."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from app.cli.loadtest.options import MOST_AT_ONCE, USERS, load_options, report_options
from app.cli.loadtest.output import print_report
from app.cli.loadtest.progress import choose_display
from app.cli.output import print_json
from app.loadtest.conducting import conduct_load_test
from app.loadtest.order import LoadOrder
from app.loadtest.refusals import InvalidTarget, LoadRefused
from app.loadtest.results.comparison import compare, read_summary, summarise
from app.loadtest.results.figures import Figures
from app.loadtest.results.page import render_report
from app.loadtest.results.report import FORMAT
from app.loadtest.sending.requests import check_key
from app.loadtest.sending.target import read_target
from config.settings import Settings

_REFUSED = 1
Result = TypeVar("Result")


@click.command(
    epilog="Example: gluonserve loadtest http://127.0.0.1:8000 --rows churn.csv --key-file key.txt --users 8"
)
@click.argument("url")
@click.option("--key", metavar="K", help="API key. A list of processes shows it: prefer --key-file, or GLUONSERVE_KEY.")
@click.option("--key-file", type=click.File(), metavar="F", help="File that holds the API key; - for stdin.")
@load_options
@report_options
@click.pass_obj
def loadtest(
    settings: Settings,
    /,
    url: str,
    key: str | None,
    key_file: TextIO | None,
    as_json: bool,
    page: Path | None,
    earlier: Path | None,
    most_failed_percent: float | None,
    most_p99_ms: float | None,
    **load: Any,
) -> None:
    """Send real rows to a server and measure what its callers see.

    Without --rate it is a closed loop: so many users, each waiting for one answer before the next request. With --rate
    it is an open loop, and latency counts from when a request was due. Ctrl-C ends it with the results so far.
    """
    if page is not None and not page.absolute().parent.is_dir():
        raise click.UsageError(f"There is no folder {page.parent}.")
    before = None if earlier is None else _refusing(read_summary, earlier, form=FORMAT)
    order = _read_order(url, _choose_key(settings, key, key_file), load)
    with choose_display() as display:
        report = _refusing(conduct_load_test, order, display)
    if before is not None:
        report = dataclasses.replace(report, comparison=compare(before, summarise(report.to_document())))
    if page is not None:
        page.write_text(render_report(report), encoding="utf-8")
    if as_json:
        print_json(report.to_document())
    else:
        print_report(report)
    _end_with(list(_list_excesses(report.figures, most_failed_percent=most_failed_percent, most_p99_ms=most_p99_ms)))


def _choose_key(settings: Settings, key: str | None, key_file: TextIO | None) -> str | None:
    if key is not None and key_file is not None:
        raise click.UsageError("Give --key or --key-file, not both.")
    given = key_file.read() if key_file is not None else key or settings.loadtest_key
    return None if given is None else _refusing(check_key, given)


def _read_order(url: str, key: str | None, load: Mapping[str, Any]) -> LoadOrder:
    if load["requests"] is not None and load["seconds"] is not None:
        raise click.UsageError("Give --requests or --duration, not both.")
    users = load["users"] or (USERS if load["rate"] is None else MOST_AT_ONCE)
    return LoadOrder(target=_refusing(read_target, url), key=key, **{**load, "users": users})


def _refusing(act: Callable[..., Result], /, *arguments: Any, **options: Any) -> Result:
    """What it returns; a refusal becomes a sentence and the exit code that fits."""
    try:
        return act(*arguments, **options)
    except InvalidTarget as refusal:
        raise click.UsageError(str(refusal)) from None
    except LoadRefused as refusal:
        raise click.ClickException(str(refusal)) from None


def _list_excesses(figures: Figures, *, most_failed_percent: float | None, most_p99_ms: float | None) -> Iterator[str]:
    """What is worse than was allowed."""
    failed_percent = 100 * (1 - figures.success_rate)
    if figures.latency is None:
        yield "no request succeeded"
    elif most_p99_ms is not None and figures.latency.p99 > most_p99_ms:
        yield f"p99 is {figures.latency.p99:.2f} ms, more than {most_p99_ms:g}"
    if most_failed_percent is not None and failed_percent > most_failed_percent:
        yield f"{failed_percent:.3g} % failed, more than {most_failed_percent:g}"


def _end_with(excesses: list[str]) -> None:
    if excesses:
        click.echo(f"Error: {'; '.join(excesses)}.", err=True)
        sys.exit(_REFUSED)
