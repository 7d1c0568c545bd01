"""The options of `gluonserve loadtest`: what is sent, how much of it, and what becomes of the figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

USERS, MOST_AT_ONCE = 8, 256
"""By default: who send in a closed loop, and how many requests of an open one may be under way at once."""
_DAY = 86400.0
_HOUR = 3600.0

_file = click.Path(path_type=Path)
Command = TypeVar("Command", bound=Callable[..., Any])

_ROWS = (
    click.option("--rows", type=_file, required=True, metavar="F", help="Rows to send: CSV, JSON Lines or Parquet."),
    click.option(
        "--label",
        "without",
        multiple=True,
        metavar="COL",
        help="Column not to send; may be given several times. What the model does not use is not sent anyway, where "
        "the key may read the model's schema.",
    ),
    click.option("--rows-per-request", type=click.IntRange(1, 100_000), default=1, metavar="N", help="1 by default."),
)
_AMOUNT = (
    click.option(
        "--users",
        type=click.IntRange(1, 1000),
        metavar="N",
        help=f"Who each send a request when their last one is answered; {USERS} by default. With --rate: how many "
        f"requests may be under way at once; {MOST_AT_ONCE} by default.",
    ),
    click.option(
        "--requests",
        type=click.IntRange(1, 10_000_000),
        metavar="N",
        help="Requests of each user; with --rate of all together.",
    ),
    click.option(
        "--duration",
        "seconds",
        type=click.FloatRange(0, _DAY, min_open=True),
        metavar="S",
        help="Seconds; 10 without --requests and this.",
    ),
    click.option(
        "--rate",
        type=click.FloatRange(0, 100_000, min_open=True),
        metavar="R",
        help="Send so many requests a second, whatever the server does.",
    ),
    click.option(
        "--warm-up",
        "warm_up_seconds",
        type=click.FloatRange(0, _HOUR),
        default=0.0,
        metavar="S",
        help="Seconds of the same load that do not count, before it; none by default.",
    ),
)
_CONNECTIONS = (
    click.option(
        "--timeout",
        "timeout_seconds",
        type=click.FloatRange(0, _HOUR, min_open=True),
        default=30.0,
        metavar="S",
        help="Seconds after which a request has failed; 30 by default.",
    ),
    click.option(
        "--no-keep-alive",
        "keep_alive",
        flag_value=False,
        default=True,
        help="Open a connection for each request also where the server would keep it.",
    ),
)
_REPORT = (
    click.option("--json", "as_json", is_flag=True, help="Print JSON; kept in a file it can be compared with."),
    click.option("--html", "page", type=_file, metavar="F", help="Write a page with plots, in one file."),
    click.option(
        "--compare", "earlier", type=_file, metavar="F", help="JSON of an earlier run to compare this one with."
    ),
    click.option(
        "--most-failed-percent",
        type=click.FloatRange(0, 100),
        metavar="P",
        help="End with exit code 1 when more requests fail.",
    ),
    click.option(
        "--most-p99-ms",
        type=click.FloatRange(0, min_open=True),
        metavar="MS",
        help="End with exit code 1 when the p99 latency is higher.",
    ),
)


def load_options(command: Command) -> Command:
    """What is sent, how much of it, and when."""
    return _add(command, (*_ROWS, *_AMOUNT, *_CONNECTIONS))


def report_options(command: Command) -> Command:
    """What becomes of the figures."""
    return _add(command, _REPORT)


def _add(command: Command, options: tuple[Callable[[Command], Command], ...]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
