"""How commands print: tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click
import orjson
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Where nobody sees an edge, no cell may be cut or wrapped: the lines go to grep.
_UNBOUNDED_WIDTH = 10_000


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their column names, fitted to a terminal, in full and without frames elsewhere."""
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        console = Console(file=sys.stdout, highlight=False, width=_UNBOUNDED_WIDTH)
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    for column in columns:
        table.add_column(Text(column), no_wrap=not console.is_terminal)
    for row in rows:
        # As Text, square brackets in a name are characters and not rich's markup.
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def describe_execution(plan_refusal: str | None) -> str:
    if plan_refusal is None:
        return "Executed by its compiled plan"
    return f"Executed by AutoGluon itself, there is no compiled plan: {plan_refusal}"


def describe_size(size_mb: float, size_before_mb: float | None) -> str:
    """What a release takes on disk and what AutoGluon's own clone for deployment would, where that is known."""
    if size_before_mb is None:
        return f"{size_mb:.1f} MB on disk"
    return f"{size_mb:.1f} MB on disk; AutoGluon's own clone for deployment has {size_before_mb:.1f} MB"


def print_json(content: object) -> None:
    """Print indented JSON, with times to the second."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
    click.echo(orjson.dumps(content, option=options).decode())
