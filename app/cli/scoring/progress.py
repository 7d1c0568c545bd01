"""What a person sees while a table is scored: a bar on a terminal, plain lines elsewhere, nothing on stdout."""

from __future__ import annotations

from typing import IO, Protocol

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Columns

from app.cli.displays.display import Bar, Display, Lines, open_console
from app.serving.scoring.order import Progress, ProgressWatcher

# Each line comes after half as long again as the one before: whoever waits for hours gets no thousands of them.
_FIRST_LINE_SECONDS = 2.0
_GROWTH = 1.5


class ScoringDisplay(ProgressWatcher, Display, Protocol):
    """Shows how far a table is."""


class PlainDisplay(Lines):
    """A line now and then, for logs and pipes."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(stream)
        self._next_seconds = _FIRST_LINE_SECONDS

    def show_progress(self, progress: Progress) -> None:
        if progress.seconds >= self._next_seconds:
            self._next_seconds = progress.seconds * _GROWTH
            self._show_line(describe(progress))


class BarDisplay(Bar):
    """A bar of what is done of the table."""

    def __init__(self, console: Console) -> None:
        columns = (SpinnerColumn(), BarColumn(bar_width=24), TimeElapsedColumn(), TextColumn("{task.description}"))
        super().__init__(Columns(*columns, console=console, transient=True))
        self._task = self._progress.add_task("", total=None)

    def show_progress(self, progress: Progress) -> None:
        total = None if progress.share is None else 1.0
        self._progress.update(self._task, description=describe(progress), total=total, completed=progress.share)


def choose_display(stream: IO[str] | None = None) -> ScoringDisplay:
    """A bar when stderr is a terminal, plain lines when it is not."""
    console = open_console(stream)
    return BarDisplay(console) if console.is_terminal else PlainDisplay(console.file)


def describe(progress: Progress) -> str:
    share = "" if progress.share is None else f" ({progress.share:.0%})"
    return f"{progress.rows:,} rows{share}, {progress.rows_per_second:,.0f} a second"
